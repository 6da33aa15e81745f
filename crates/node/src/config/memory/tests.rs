use super::*;

/// A machine with these files.
fn root(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

const MACHINE: (&str, &str) = (
    "proc/meminfo",
    "MemTotal:        8388608 kB\nMemFree:          100 kB\n",
);

fn found(files: &[(&str, &str)]) -> (u64, &'static str) {
    let memory = look(root(files).path()).unwrap();
    (memory.bytes >> 20, memory.of)
}

#[test]
fn the_machine_has_what_it_says_without_a_group_that_limits() {
    assert_eq!(found(&[MACHINE]), (8192, "this machine"));
    let files = [
        MACHINE,
        ("proc/self/cgroup", "0::/user/node\n"),
        ("sys/fs/cgroup/user/node/memory.max", "max\n"),
    ];
    assert_eq!(found(&files), (8192, "this machine"));
    assert_eq!(look(root(&[]).path()), None);
}

#[test]
fn the_least_limit_of_all_groups_around_it_counts() {
    let files = [
        MACHINE,
        ("proc/self/cgroup", "0::/user/node\n"),
        ("sys/fs/cgroup/user/node/memory.max", "max\n"),
        ("sys/fs/cgroup/user/memory.max", "2147483648\n"),
        ("sys/fs/cgroup/memory.max", "4294967296\n"),
    ];
    assert_eq!(found(&files), (2048, "the control group"));
    // In a container the group is the root of what can be seen.
    let files = [
        MACHINE,
        ("proc/self/cgroup", "0::/\n"),
        ("sys/fs/cgroup/memory.max", "1073741824\n"),
    ];
    assert_eq!(found(&files), (1024, "the control group"));
}

#[test]
fn groups_of_the_first_version_are_known_and_their_way_to_say_no_limit() {
    let limit = "sys/fs/cgroup/memory/node/memory.limit_in_bytes";
    let group = ("proc/self/cgroup", "5:cpu,cpuacct:/\n4:memory:/node\n");
    assert_eq!(
        found(&[MACHINE, group, (limit, "536870912\n")]),
        (512, "the control group")
    );
    assert_eq!(
        found(&[MACHINE, group, (limit, "9223372036854771712\n")]),
        (8192, "this machine")
    );
}

#[test]
fn the_rest_of_the_node_has_its_share_before_the_coins() {
    let choose = |gib: u64| {
        choose(Some(Memory {
            bytes: gib << 30,
            of: "a test",
        }))
    };
    assert_eq!(choose(0), 64);
    assert_eq!(choose(2), 853);
    assert_eq!(choose(8), 4949);
    assert_eq!(choose(256), 16_384);
}

#[test]
fn what_was_chosen_is_told_and_what_was_asked_for_is_not() {
    let mut notices = Vec::new();
    assert_eq!(db_cache(None, &mut notices).unwrap(), 450 << 20);
    assert_eq!(
        db_cache(Some(DbCache::Mib(4)), &mut notices).unwrap(),
        4 << 20
    );
    assert!(notices.is_empty());
    let chosen = db_cache(Some(DbCache::Auto), &mut notices).unwrap();
    assert!(
        notices[0].contains(&format!("{} MiB", chosen >> 20)),
        "{notices:?}"
    );
}
