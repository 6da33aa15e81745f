use super::*;

fn may(whitelist: &Whitelist, user: &str, method: &str) -> bool {
    whitelist.rights_of(user).allow(method)
}

#[test]
fn without_a_whitelist_everybody_may_call_everything() {
    let whitelist = Whitelist::new([], None);
    assert_eq!(whitelist, Whitelist::default());
    assert!(whitelist.rights_of("a").all());
    assert!(Whitelist::new([], Some(true)).rights_of("a").none());
}

#[test]
fn a_user_on_the_whitelist_may_call_what_it_names() {
    let whitelist = Whitelist::new(["a:getblock,getblockcount, uptime", "b", "c:"], None);
    for method in ["getblock", "getblockcount", "uptime"] {
        assert!(may(&whitelist, "a", method));
    }
    assert!(!may(&whitelist, "a", "stop") && !may(&whitelist, "a", ""));
    assert!(!may(&whitelist, "b", "uptime") && !may(&whitelist, "c", ""));
    assert!(whitelist.rights_of("d").none());
    let others = Whitelist::new(["a:uptime"], Some(false));
    assert!(others.rights_of("d").all() && !may(&others, "a", "stop"));
}

#[test]
fn what_several_entries_of_a_user_allow_counts() {
    let whitelist = Whitelist::new(["a:x,y", "a:y,z"], None);
    assert!(may(&whitelist, "a", "y"));
    assert!(!may(&whitelist, "a", "x") && !may(&whitelist, "a", "z"));
}
