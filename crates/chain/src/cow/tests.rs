use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Op {
    Push(u8),
    PushMany(usize),
    Truncate(usize),
    Set(usize, u8),
    Clone,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        any::<u8>().prop_map(Op::Push),
        (1..2 * CHUNK).prop_map(Op::PushMany),
        (0..4 * CHUNK).prop_map(Op::Truncate),
        ((0..4 * CHUNK), any::<u8>()).prop_map(|(at, value)| Op::Set(at, value)),
        Just(Op::Clone),
    ]
}

fn contents(cow: &CowVec<u8>) -> Vec<u8> {
    (0..cow.len()).map(|at| cow[at]).collect()
}

proptest! {
    #[test]
    fn it_is_a_vector_and_its_clones_never_change(ops in prop::collection::vec(op(), 1..40)) {
        let mut cow = CowVec::default();
        let mut plain: Vec<u8> = Vec::new();
        let mut clones = Vec::new();
        for op in ops {
            match op {
                Op::Push(value) => {
                    cow.push(value);
                    plain.push(value);
                }
                Op::PushMany(count) => {
                    for i in 0..count {
                        cow.push(i as u8);
                        plain.push(i as u8);
                    }
                }
                Op::Truncate(len) => {
                    cow.truncate(len);
                    plain.truncate(len);
                }
                Op::Set(at, value) => {
                    prop_assert_eq!(cow.get_mut(at).is_some(), at < plain.len());
                    if let Some(old) = plain.get_mut(at) {
                        *old = value;
                        *cow.get_mut(at).unwrap() = value;
                    }
                }
                Op::Clone => clones.push((cow.clone(), plain.clone())),
            }
            prop_assert_eq!(cow.len(), plain.len());
            prop_assert_eq!(cow.last(), plain.last());
            prop_assert_eq!(cow.get(plain.len()), None);
        }
        clones.push((cow, plain));
        for (cow, plain) in clones {
            prop_assert_eq!(contents(&cow), plain);
        }
    }
}

#[test]
fn a_clone_shares_all_chunks_but_those_that_changed() {
    let mut cow = CowVec::default();
    (0..3 * CHUNK).for_each(|i| cow.push(i));
    let before = cow.clone();
    *cow.get_mut(CHUNK).unwrap() = 0;

    let shared: Vec<bool> = cow
        .chunks
        .iter()
        .zip(before.chunks.iter())
        .map(|(a, b)| Arc::ptr_eq(a, b))
        .collect();

    assert_eq!(shared, [true, false, true]);
}
