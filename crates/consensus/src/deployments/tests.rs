use tipward_primitives::{BlockVersion, Header, Network};

use super::*;

/// So many headers of regtest, genesis block included, that all signal by every bit or by none.
fn chain(params: &Params, count: u32, version: i32) -> Vec<Header> {
    (0..count)
        .map(|at| Header {
            version: BlockVersion::from_consensus(version),
            time: params.genesis.header.time + at,
            ..params.genesis.header
        })
        .collect()
}

fn by_name(infos: &[DeploymentInfo], name: &str) -> DeploymentInfo {
    infos.iter().find(|info| info.name == name).unwrap().clone()
}

#[test]
fn a_buried_soft_fork_is_active_from_one_block_below_its_height() {
    let mut params = Params::new(Network::Regtest);
    params.csv_height = 5;
    for (tip, active) in [(3, false), (4, true), (5, true)] {
        let infos = deployments(&params, &chain(&params, tip + 1, 1)[..]);
        let csv = by_name(&infos, "csv");
        assert_eq!(csv.active, active, "tip at {tip}");
        assert_eq!((csv.height, csv.kind), (Some(5), DeploymentKind::Buried));
    }
}

#[test]
fn names_and_order_are_those_of_core_and_what_is_never_active_is_left_out() {
    let names = |network| {
        let params = Params::new(network);
        let infos = deployments(&params, &chain(&params, 1, 1)[..]);
        infos.iter().map(|info| info.name).collect::<Vec<_>>()
    };
    let buried = ["bip34", "bip66", "bip65", "csv", "segwit"];
    assert_eq!(names(Network::Bitcoin), buried);
    assert_eq!(names(Network::Regtest)[..5], buried);
    assert_eq!(names(Network::Regtest)[5..], ["testdummy"]);
}

#[test]
fn a_deployment_by_version_bits_is_described_as_far_as_it_has_come() {
    let params = Params::new(Network::Regtest);
    let at = |tip: u32| {
        let infos = deployments(&params, &chain(&params, tip + 1, 0x3000_0000)[..]);
        let info = by_name(&infos, "testdummy");
        let DeploymentKind::VersionBits(details) = info.kind.clone() else {
            panic!("testdummy is buried");
        };
        (info, details)
    };

    let (info, details) = at(142);
    assert_eq!((info.active, info.height), (false, None));
    assert_eq!((details.status, details.since), (State::Defined, 0));
    assert_eq!(details.status_next, State::Defined);
    assert_eq!(details.statistics, None);

    // The last block of the first period is still in the old state, the next one is not.
    let (_, details) = at(143);
    assert_eq!(details.status, State::Defined);
    assert_eq!(details.status_next, State::Started);

    let (_, details) = at(150);
    assert_eq!((details.status, details.since), (State::Started, 144));
    let statistics = details.statistics.unwrap();
    assert_eq!((statistics.elapsed, statistics.count), (7, 7));
    assert_eq!(statistics.signalled, [true; 7]);

    let (info, details) = at(300);
    assert_eq!((details.status, details.since), (State::LockedIn, 288));
    assert!(details.statistics.is_some());
    assert_eq!((info.active, info.height), (false, None));

    let (info, details) = at(431);
    assert_eq!((info.active, info.height), (true, Some(432)));
    assert_eq!(details.status, State::LockedIn);
    assert_eq!(details.status_next, State::Active);

    let (info, details) = at(500);
    assert_eq!((info.active, info.height), (true, Some(432)));
    assert_eq!((details.status, details.since), (State::Active, 432));
    assert_eq!(details.statistics, None);
}
