//! `tipward reindex` and `tipward reindex-chainstate`: what the node does with the options of these names before it takes part
//! in the network, and nothing else.

use std::time::Duration;

use anyhow::bail;
use clap::Args;
use tipward_store::Reindex;

use crate::config::Options;
use crate::offline::{Happening, Offline, Workplace, counted};
use crate::progress::Meter;

/// How long to wait for something to happen before looking at the stop sign.
const LOOK: Duration = Duration::from_millis(100);

/// Options of `tipward reindex`.
#[derive(Args, Clone, Debug)]
#[command(after_help = ALL_EXAMPLES)]
pub struct ReindexArgs {}

/// Options of `tipward reindex-chainstate`.
#[derive(Args, Clone, Debug)]
#[command(after_help = CHAINSTATE_EXAMPLES)]
pub struct ReindexChainstateArgs {}

const ALL_EXAMPLES: &str = "\
Examples:
  tipward reindex                                after damage to block files, headers or the index
  tipward --network signet reindex               on another network
  tipward --dbcache 4000 reindex                 options of the node stand before the command

The node must not be running. Headers, index, undo data and coins are thrown away and built anew from the block files; damaged blocks are passed over, and fetched from peers at the next start. If it is interrupted, start tipward, which goes on.";

const CHAINSTATE_EXAMPLES: &str = "\
Examples:
  tipward reindex-chainstate                     after damage to coins or undo data
  tipward --network signet reindex-chainstate    on another network
  tipward --assumevalid 0 reindex-chainstate     check every script of every block on the way

The node must not be running. Undo data and coins are thrown away and built anew from the blocks. If it is interrupted, start tipward, which goes on.";

/// Builds anew.
pub(crate) fn run(what: Reindex, options: Options) -> anyhow::Result<()> {
    let mut place = Workplace::prepare(options)?;
    place.config.sync.reindex = Some(what);
    let (files, loaded) = {
        let mut meter = Meter::begin(&place.display, "searching");
        place.open(&mut |search| meter.show(search.done, search.total, String::new))?
    };
    let mut node = Offline::start(place.load(files, loaded)?, &place.config)?;
    let view = node.chain().view();
    let goal = view.candidate();
    let mut total = 0;
    for id in view.path(goal, view.tip_height() + 1) {
        let size = node.blocks().size_of(&view.hash(id));
        total += u64::from(size.unwrap_or(0));
    }
    let mut meter = Meter::begin(&place.display, "validating");
    while !node.is_settled() {
        if place.stop.is_set() {
            let height = node.chain().tip_height();
            node.stop()?;
            bail!("interrupted at height {height}: start tipward, which goes on from there");
        }
        if let Happening::Waiting(why) = node.next(LOOK)? {
            place.display.say(&format!("Waiting: {why}"));
        }
        let height = node.chain().tip_height();
        meter.show(node.connected().bytes, total, || {
            format!("height {height}, ")
        });
    }
    let seconds = meter.elapsed().as_secs_f64();
    drop(meter);
    let chain = node.chain();
    let mut lines = vec![format!(
        "Validated {}, {:.1} MB, in {seconds:.1} s: the tip is {} at height {}",
        counted(node.connected().blocks, "block"),
        node.connected().bytes as f64 / 1e6,
        chain.tip_hash(),
        chain.tip_height()
    )];
    for block in node.invalid().0 {
        let (hash, height, why) = (block.hash, block.height, &block.reject);
        lines.push(format!("Invalid: block {hash} at height {height}: {why}"));
    }
    let best = chain.height(chain.best_header());
    if best > chain.tip_height() {
        lines.push(format!(
            "Headers reach to height {best}: start tipward to fetch the blocks that are missing"
        ));
    }
    node.finish()?;
    println!("{}", lines.join("\n"));
    Ok(())
}
