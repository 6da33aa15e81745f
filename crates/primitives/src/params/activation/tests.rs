use super::*;

fn height(text: &str) -> Result<ActivationHeight, ActivationError> {
    text.parse()
}

fn times(text: &str) -> Result<VersionBitsTimes, ActivationError> {
    text.parse()
}

#[test]
fn every_buried_deployment_can_be_moved_by_its_name() {
    for (at, deployment) in BuriedDeployment::ALL.into_iter().enumerate() {
        let mut params = Params::new(Network::Regtest);
        let wanted = 100 + Height::try_from(at).unwrap();
        let text = format!("{}@{wanted}", deployment.option_name());
        let option = height(&text).unwrap();
        assert_eq!(option.to_string(), text);
        params.set_activation_height(option).unwrap();
        for other in BuriedDeployment::ALL {
            let moved = params.height_of(other) == wanted;
            assert_eq!(moved, other == deployment, "{text} and {other:?}");
        }
    }
}

#[test]
fn a_height_is_below_two_to_the_thirty_first_less_one() {
    assert_eq!(height("segwit@0").unwrap().height, 0);
    assert_eq!(height("segwit@2147483646").unwrap().height, 2_147_483_646);
    for bad in [
        "2147483647",
        "-1",
        "",
        " 5",
        "+5",
        "1e3",
        "99999999999999999999",
    ] {
        let error = height(&format!("segwit@{bad}")).unwrap_err();
        assert!(matches!(error, ActivationError::Number { .. }), "{bad:?}");
        assert!(error.to_string().contains(&format!("{bad:?}")), "{error}");
    }
}

#[test]
fn an_option_without_a_known_name_or_of_another_form_is_refused_by_what_is_wrong() {
    assert_eq!(
        height("segwit").unwrap_err().to_string(),
        "\"segwit\" is not of the form name@height"
    );
    assert_eq!(
        height("taproot@5").unwrap_err().to_string(),
        "\"taproot\" is no deployment that can be set here: bip34, dersig, cltv, csv, segwit can"
    );
    // The names of the answers are not those of the options.
    assert!(height("bip66@5").is_err());
    assert_eq!(
        times("testdummy:0").unwrap_err().to_string(),
        "\"testdummy:0\" is not of the form deployment:start:end[:min_activation_height]"
    );
    assert!(times("testdummy:0:1:2:3").is_err());
    assert!(times("dummy:0:1").is_err());
    assert!(times("testdummy:x:1").is_err());
    assert!(times("testdummy:0:").is_err());
    assert!(times("testdummy:0:1:-1").is_err());
}

#[test]
fn the_times_of_a_deployment_by_version_bits_are_set_with_or_without_a_height() {
    let mut params = Params::new(Network::Regtest);
    let before = params.deployments[0];
    params
        .set_version_bits(times("testdummy:10:20:30").unwrap())
        .unwrap();
    let expected = Deployment {
        start_time: 10,
        timeout: 20,
        min_activation_height: 30,
        ..before
    };
    assert_eq!(params.deployments[0], expected);

    let never = times("testdummy:-2:9223372036854775807").unwrap();
    assert_eq!(never.to_string(), "testdummy:-2:9223372036854775807:0");
    params.set_version_bits(never).unwrap();
    assert_eq!(params.deployments[0].start_time, Deployment::NEVER_ACTIVE);
    assert_eq!(params.deployments[0].timeout, Deployment::NO_TIMEOUT);
    assert_eq!(params.deployments[0].min_activation_height, 0);
}

#[test]
fn nothing_can_be_moved_on_the_main_network() {
    let mut params = Params::new(Network::Bitcoin);
    let error = Err(ActivationError::MainNetwork);
    let segwit = height("segwit@0").unwrap();
    assert_eq!(params.set_activation_height(segwit), error);
    let dummy = times("testdummy:0:1").unwrap();
    assert_eq!(params.set_version_bits(dummy), error);
    assert_eq!(params.segwit_height, 481_824);
}
