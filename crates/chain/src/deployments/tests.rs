use std::sync::Arc;

use tipward_consensus::deployments::DeploymentKind;
use tipward_consensus::versionbits::State;
use tipward_primitives::{BlockVersion, Header, Params};

use crate::HeaderId;
use crate::testing::{chain_of, chain_with, genesis, regtest, unmined};

/// Signals for regtest's test deployment.
fn signalling(parent: &Header, salt: u64) -> Header {
    Header {
        version: BlockVersion::from_consensus(0x3000_0000),
        ..unmined(parent, salt)
    }
}

#[test]
fn a_branch_is_asked_about_by_its_own_headers_alone() {
    let params = regtest();
    let trunk = chain_of(&genesis(&params), 200, signalling);
    let loud = chain_of(&trunk[199], 250, signalling);
    let quiet = chain_of(&trunk[199], 250, |parent, salt| {
        unmined(parent, salt + 1000)
    });
    let headers = [&trunk[..], &loud, &quiet].concat();
    let chain = chain_with(&params, &headers);
    let state = |header: &Header| {
        let id = chain.find(&header.block_hash()).unwrap();
        let infos = chain.deployments(id);
        match &infos.last().unwrap().kind {
            DeploymentKind::VersionBits(info) => (info.status, info.since),
            DeploymentKind::Buried => panic!("testdummy is buried"),
        }
    };
    // Of the headers 144 to 287 the quiet branch has 56 that signal.
    assert_eq!(state(&trunk[199]), (State::Started, 144));
    assert_eq!(state(&loud[249]), (State::Active, 432));
    assert_eq!(state(&quiet[249]), (State::Started, 144));

    let version = |header: &Header| {
        let id = chain.find(&header.block_hash()).unwrap();
        chain.next_block_version(id)
    };
    assert_eq!(version(&trunk[199]), 0x3000_0000);
    assert_eq!(version(&loud[249]), 0x2000_0000);
    assert_eq!(version(&quiet[249]), 0x3000_0000);
    assert_eq!(chain.next_block_version(HeaderId::GENESIS), 0x2000_0000);
    assert_eq!(chain.unknown_activations(chain.best_header()), []);
}

#[test]
fn a_soft_fork_that_the_parameters_do_not_name_is_unknown() {
    let mut params = Params::clone(&regtest());
    params.deployments.clear();
    let headers = chain_of(&genesis(&params), 450, |parent, salt| Header {
        version: BlockVersion::from_consensus(0x2000_0001),
        ..unmined(parent, salt)
    });
    let chain = chain_with(&Arc::new(params), &headers);
    let unknown = chain.unknown_activations(chain.best_header());
    assert_eq!(unknown.len(), 1);
    assert_eq!((unknown[0].bit, unknown[0].active), (0, true));
}
