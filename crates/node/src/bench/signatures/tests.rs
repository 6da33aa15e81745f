use super::*;

#[test]
fn the_threads_share_all_signatures() {
    let all = Counts {
        ecdsa: 10,
        schnorr: 2,
        commitments: 1,
    };
    let shares: Vec<Counts> = (0..3).map(|thread| all.share(thread, 3)).collect();
    let sum = |of: fn(&Counts) -> u64| shares.iter().map(of).sum::<u64>();
    assert_eq!(sum(|c| c.ecdsa), 10);
    assert_eq!(sum(|c| c.schnorr), 2);
    assert_eq!(sum(|c| c.commitments), 1);
}

#[test]
fn samples_are_right_and_wrong_ones_are_not() {
    let secp = Secp256k1::new();
    let (one, other) = (Sample::new(&secp, 1), Sample::new(&secp, 2));
    assert!(one.verify_ecdsa(&secp) && one.verify_schnorr(&secp));
    assert!(one.verify_commitment(&secp));
    let mixed = Sample {
        message: other.message,
        output: other.output,
        ..one
    };
    assert!(!mixed.verify_ecdsa(&secp) && !mixed.verify_schnorr(&secp));
    assert!(!mixed.verify_commitment(&secp));
}
