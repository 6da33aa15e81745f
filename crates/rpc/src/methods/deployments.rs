//! Soft forks.

use serde_json::{Map, Value, json};
use tipward_consensus::deployments::{DeploymentInfo, DeploymentKind, VersionBitsInfo};
use tipward_consensus::script_flags;
use tipward_consensus::versionbits::State;

use crate::call::{Call, find, later};
use crate::error::RpcError;
use crate::spec::{Arg, Category, Kind, Method, Presence};

pub(super) const METHODS: &[Method] = &[Method {
    name: "getdeploymentinfo",
    category: Category::Blockchain,
    about: "How far each soft fork has come at a block. Those that hold from the genesis block on are not listed.",
    args: &[Arg {
        names: &["blockhash"],
        kind: Kind::Hex,
        presence: Presence::Optional("the tip"),
        about: "Hash of the block.",
    }],
    result: r##"{
  "hash": "hex",                       (string) hash of the block
  "height": n,                         (numeric) its height
  "script_flags": ["text", ...],       (array) the script rules that hold in it
  "deployments": {
    "name": {
      "type": "text",                  (string) buried: at a height that is fixed; bip9: by version bits
      "height": n,                     (numeric, if it is decided) first block in which the rules hold
      "active": b,                     (boolean) they hold in the next block
      "bip9": {                        (object, for bip9 only)
        "bit": n,                      (numeric, if started or locked_in) the bit that signals it
        "start_time": n,               (numeric) median time past from which on the bit is a signal
        "timeout": n,                  (numeric) median time past at which it fails
        "min_activation_height": n,    (numeric) the rules hold no earlier
        "status": "text",              (string) defined, started, locked_in, active or failed
        "since": n,                    (numeric) first block with that status
        "status_next": "text",         (string) status of the next block
        "statistics": {                (object, if started or locked_in)
          "period": n,                 (numeric) blocks in a period
          "elapsed": n,                (numeric) blocks of this period so far
          "count": n,                  (numeric) those that signal
          "threshold": n,              (numeric, if started) how many must signal
          "possible": b                (boolean, if started) enough still can
        },
        "signalling": "text"           (string, if started or locked_in) # for each block that signals, - for the others
      }
    }, ...
  }
}"##,
    examples: &[&[]],
    run: |call| later(getdeploymentinfo(call)),
}];

async fn getdeploymentinfo(call: Call) -> Result<Value, RpcError> {
    let view = call.node.view();
    let id = match call.text(0) {
        None => view.tip(),
        Some(_) => find(&view, &call.hash(0, "blockhash")?)?,
    };
    let (hash, height) = (view.hash(id), view.height(id));
    let flags: Vec<&str> = script_flags(view.params(), height, &hash).names().collect();
    // Reading every header's version takes its time where signals are counted.
    call.blocking(move |_| {
        let all = view.deployments(id);
        let all: Map<String, Value> = all
            .iter()
            .map(|info| (info.name.into(), deployment_json(info)))
            .collect();
        Ok(json!({
            "hash": hash.to_string(),
            "height": height,
            "script_flags": flags,
            "deployments": all,
        }))
    })
    .await
}

fn deployment_json(info: &DeploymentInfo) -> Value {
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| members.insert(name.into(), value);
    match &info.kind {
        DeploymentKind::Buried => {
            put("type", "buried".into());
            put("active", info.active.into());
            if let Some(height) = info.height {
                put("height", height.into());
            }
        }
        DeploymentKind::VersionBits(bits) => {
            put("type", "bip9".into());
            if let Some(height) = info.height {
                put("height", height.into());
            }
            put("active", info.active.into());
            put("bip9", version_bits_json(bits));
        }
    }
    Value::Object(members)
}

fn version_bits_json(bits: &VersionBitsInfo) -> Value {
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| members.insert(name.into(), value);
    if bits.statistics.is_some() {
        put("bit", bits.bit.into());
    }
    put("start_time", bits.start_time.into());
    put("timeout", bits.timeout.into());
    put("min_activation_height", bits.min_activation_height.into());
    put("status", bits.status.name().into());
    put("since", bits.since.into());
    put("status_next", bits.status_next.name().into());
    if let Some(statistics) = &bits.statistics {
        let mut figures = Map::new();
        let mut figure = |name: &str, value: Value| figures.insert(name.into(), value);
        figure("period", statistics.period.into());
        figure("elapsed", statistics.elapsed.into());
        figure("count", statistics.count.into());
        // Nothing hangs on the threshold once it has been reached.
        if bits.status == State::Started {
            figure("threshold", statistics.threshold.into());
            figure("possible", statistics.possible.into());
        }
        put("statistics", figures.into());
        let marks = statistics.signalled.iter();
        let marks: String = marks
            .map(|signals| if *signals { '#' } else { '-' })
            .collect();
        put("signalling", marks.into());
    }
    Value::Object(members)
}
