use proptest::prelude::*;
use tipward_primitives::bitcoin::script::Builder;

use super::*;

proptest! {
    #[test]
    fn a_height_is_pushed_as_rust_bitcoin_pushes_it(
        height in prop_oneof![0_u32..70_000, any::<u32>(), Just(8_388_607), Just(8_388_608)]
    ) {
        let script = Builder::new().push_int(i64::from(height)).into_script();
        let push = HeightPush::new(height);
        prop_assert_eq!(push.bytes(), script.as_bytes());
    }
}
