//! Whom to connect to: nodes that the user names, and known addresses.

use serde_json::{Map, Value, json};

use crate::call::{Call, later};
use crate::error::{RpcError, code};
use crate::spec::{Arg, Category, Kind, Method, Presence};
use crate::{Command, ConnectionType, NetworkName, Refused};

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "addnode",
        category: Category::Network,
        about: "Adds a node that a connection is kept to, forgets one, or tries a connection once.",
        args: &[
            Arg {
                names: &["node"],
                kind: Kind::Text,
                presence: Presence::Required,
                about: "Address or host name, with the port after a colon if it is not the network's own.",
            },
            Arg {
                names: &["command"],
                kind: Kind::Text,
                presence: Presence::Required,
                about: "add, remove or onetry.",
            },
            Arg {
                names: &["v2transport"],
                kind: Kind::Bool,
                presence: Presence::Default("false"),
                about: "true for an encrypted connection (BIP324), which is not offered.",
            },
        ],
        result: "null",
        examples: &[&["192.168.0.6:8333", "onetry"]],
        run: |call| later(addnode(call)),
    },
    Method {
        name: "addconnection",
        category: Category::Hidden,
        about: "Opens one outbound connection of a kind. On regtest only.",
        args: &[
            Arg {
                names: &["address"],
                kind: Kind::Text,
                presence: Presence::Required,
                about: "Address and port.",
            },
            Arg {
                names: &["connection_type"],
                kind: Kind::Text,
                presence: Presence::Required,
                about: "outbound-full-relay, block-relay-only, addr-fetch or feeler.",
            },
            Arg {
                names: &["v2transport"],
                kind: Kind::Bool,
                presence: Presence::Required,
                about: "true for an encrypted connection (BIP324), which is not offered.",
            },
        ],
        result: r#"{
  "address": "text",          (string) the address
  "connection_type": "text"   (string) the kind
}"#,
        examples: &[&["192.168.0.6:8333", "outbound-full-relay", "false"]],
        run: |call| later(addconnection(call)),
    },
    Method {
        name: "disconnectnode",
        category: Category::Network,
        about: "Drops a connection, named either by its address or by its number.",
        args: &[
            Arg {
                names: &["address"],
                kind: Kind::Text,
                presence: Presence::Optional("taken by number"),
                about: "Address and port as in getpeerinfo; empty to name the number only.",
            },
            Arg {
                names: &["nodeid"],
                kind: Kind::Number,
                presence: Presence::Optional("taken by address"),
                about: "Number as in getpeerinfo.",
            },
        ],
        result: "null",
        examples: &[&["192.168.0.6:8333"], &["", "1"]],
        run: |call| later(disconnectnode(call)),
    },
    Method {
        name: "getaddednodeinfo",
        category: Category::Network,
        about: "The nodes that were added by the user, and whether they are connected.",
        args: &[Arg {
            names: &["node"],
            kind: Kind::Text,
            presence: Presence::Optional("all nodes"),
            about: "Only this one, named as it was added.",
        }],
        result: r#"[
  {
    "addednode": "text",      (string) the node as it was named
    "connected": b,           (boolean) it is connected
    "addresses": [            (array) empty if it is not
      {
        "address": "text",    (string) address and port
        "connected": "text"   (string) inbound or outbound
      }
    ]
  }, ...
]"#,
        examples: &[&[], &["192.168.0.6:8333"]],
        run: |call| later(getaddednodeinfo(call)),
    },
    Method {
        name: "getnodeaddresses",
        category: Category::Network,
        about: "Known addresses of nodes, in random order.",
        args: &[
            Arg {
                names: &["count"],
                kind: Kind::Number,
                presence: Presence::Default("1"),
                about: "How many at most; 0 for all.",
            },
            Arg {
                names: &["network"],
                kind: Kind::Text,
                presence: Presence::Optional("all networks"),
                about: "Only of this network: ipv4, ipv6, onion, i2p or cjdns.",
            },
        ],
        result: r#"[
  {
    "time": n,          (numeric) when it was last seen, in seconds since the Unix epoch
    "services": n,      (numeric) services that it offers
    "address": "text",  (string) its address
    "port": n,          (numeric) its port
    "network": "text"   (string) its network
  }, ...
]"#,
        examples: &[&["8"], &["4", "onion"]],
        run: |call| later(getnodeaddresses(call)),
    },
    Method {
        name: "getaddrmaninfo",
        category: Category::Network,
        about: "How many addresses of nodes are known, of each network and of all together.",
        args: &[],
        result: r#"{
  "network": {     (object) of ipv4, ipv6, onion, i2p and cjdns each, and of all_networks
    "new": n,      (numeric) addresses that were heard of, and not connected to yet
    "tried": n,    (numeric) addresses that were connected to
    "total": n     (numeric) both together
  }, ...
}"#,
        examples: &[&[]],
        run: |call| later(getaddrmaninfo(call)),
    },
    Method {
        name: "addpeeraddress",
        category: Category::Hidden,
        about: "Puts an address into the address manager.",
        args: &[
            Arg {
                names: &["address"],
                kind: Kind::Text,
                presence: Presence::Required,
                about: "The address, without port.",
            },
            Arg {
                names: &["port"],
                kind: Kind::Number,
                presence: Presence::Required,
                about: "Its port.",
            },
            Arg {
                names: &["tried"],
                kind: Kind::Bool,
                presence: Presence::Default("false"),
                about: "true to move it on into the table of addresses that were connected to.",
            },
        ],
        result: r#"{
  "success": b,      (boolean) it is in the table
  "error": "text"    (string, if not) why not
}"#,
        examples: &[&["1.2.3.4", "8333", "true"]],
        run: |call| later(addpeeraddress(call)),
    },
];

async fn addnode(call: Call) -> Result<Value, RpcError> {
    let node = call.required_text(0).to_owned();
    let command = match call.required_text(1) {
        "add" => Command::AddNode(node),
        "remove" => Command::RemoveNode(node),
        "onetry" => Command::TryNode(node),
        _ => return Err(RpcError::misc(call.method.help())),
    };
    if call.bool(2) == Some(true) {
        return Err(RpcError::invalid_parameter(
            "Error: v2transport requested but not enabled (see -v2transport)",
        ));
    }
    super::command(&call, command).await?;
    Ok(Value::Null)
}

async fn addconnection(call: Call) -> Result<Value, RpcError> {
    super::on_regtest(
        &call,
        "addconnection is for regression testing (-regtest mode) only.",
    )?;
    let address = call.required_text(0).to_owned();
    let kind = [
        ConnectionType::OutboundFullRelay,
        ConnectionType::BlockRelayOnly,
        ConnectionType::AddrFetch,
        ConnectionType::Feeler,
    ]
    .into_iter()
    .find(|kind| kind.as_str() == call.required_text(1).trim())
    .ok_or_else(|| RpcError::invalid_parameter(call.method.help()))?;
    if call.bool(2) == Some(true) {
        return Err(RpcError::invalid_parameter(
            "Error: Adding v2transport connections requires -v2transport init flag to be set.",
        ));
    }
    let answer = json!({ "address": address, "connection_type": kind.as_str() });
    super::command(&call, Command::OpenConnection { address, kind }).await?;
    Ok(answer)
}

async fn disconnectnode(call: Call) -> Result<Value, RpcError> {
    let id: Option<i64> = call.int(1)?;
    let command = match (call.text(0), id) {
        (Some(address), None) => Command::DisconnectAddress(address.to_owned()),
        (None | Some(""), Some(id)) => match u64::try_from(id) {
            Ok(id) => Command::DisconnectId(id),
            Err(_) => return Err(super::refusal(Refused::NotConnected)),
        },
        _ => {
            return Err(RpcError::new(
                code::INVALID_PARAMS,
                "Only one of address and nodeid should be provided.",
            ));
        }
    };
    super::command(&call, command).await?;
    Ok(Value::Null)
}

async fn getaddednodeinfo(call: Call) -> Result<Value, RpcError> {
    let mut nodes = call.node.network().await.added_nodes;
    if let Some(wanted) = call.text(0) {
        nodes.retain(|node| node.name == wanted);
        if nodes.is_empty() {
            return Err(RpcError::new(
                code::CLIENT_NODE_NOT_ADDED,
                "Error: Node has not been added.",
            ));
        }
    }
    Ok(nodes
        .into_iter()
        .map(|node| {
            let addresses: Vec<Value> = node
                .connection
                .iter()
                .map(|(address, inbound)| {
                    let direction = if *inbound { "inbound" } else { "outbound" };
                    json!({ "address": address, "connected": direction })
                })
                .collect();
            json!({
                "addednode": node.name,
                "connected": node.connection.is_some(),
                "addresses": addresses,
            })
        })
        .collect())
}

async fn getnodeaddresses(call: Call) -> Result<Value, RpcError> {
    let count: i32 = call.int(0)?.unwrap_or(1);
    let count = usize::try_from(count)
        .map_err(|_| RpcError::invalid_parameter("Address count out of range"))?;
    let network = match call.text(1) {
        None => None,
        Some(name) => Some(NetworkName::parse(name).ok_or_else(|| {
            RpcError::invalid_parameter(format!("Network not recognized: {name}"))
        })?),
    };
    let addresses = call
        .node
        .node_addresses((count > 0).then_some(count), network)
        .await;
    Ok(addresses
        .into_iter()
        .map(|address| {
            json!({
                "time": address.time.as_secs(),
                "services": address.services,
                "address": address.address,
                "port": address.port,
                "network": address.network.as_str(),
            })
        })
        .collect())
}

async fn getaddrmaninfo(call: Call) -> Result<Value, RpcError> {
    let counts = call.node.address_counts().await;
    let entry =
        |new: usize, tried: usize| json!({ "new": new, "tried": tried, "total": new + tried });
    let mut info = Map::new();
    for network in NetworkName::REACHABLE {
        let of_network = counts.iter().find(|count| count.network == network);
        let (new, tried) = of_network.map_or((0, 0), |count| (count.new, count.tried));
        info.insert(network.as_str().into(), entry(new, tried));
    }
    let new = counts.iter().map(|count| count.new).sum();
    let tried = counts.iter().map(|count| count.tried).sum();
    info.insert("all_networks".into(), entry(new, tried));
    Ok(Value::Object(info))
}

async fn addpeeraddress(call: Call) -> Result<Value, RpcError> {
    let command = Command::AddPeerAddress {
        address: call.required_text(0).to_owned(),
        port: call.required_int(1)?,
        tried: call.bool(2).unwrap_or(false),
    };
    let error = match call.node.command(command).await {
        Ok(()) => return Ok(json!({ "success": true })),
        Err(Refused::NewTableFull) => "failed-adding-to-new",
        Err(Refused::TriedTableFull) => "failed-adding-to-tried",
        Err(other) => return Err(super::refusal(other)),
    };
    Ok(json!({ "error": error, "success": false }))
}
