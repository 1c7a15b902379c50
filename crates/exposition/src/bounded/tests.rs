use super::*;

#[test]
fn known_values_stay_and_those_above_the_ceiling_become_other() {
    let set = BoundedSet::new(2, 64);
    assert_eq!(&*set.admit("a"), "a");
    assert_eq!(&*set.admit("b"), "b");
    assert_eq!(set.overflows().get(), 0);
    assert_eq!(&*set.admit("c"), OTHER);
    assert_eq!(&*set.admit("d"), OTHER);
    assert_eq!(&*set.admit("a"), "a", "a full set still knows its own");
    assert_eq!(set.overflows().get(), 2);
}

#[test]
fn a_value_called_other_takes_no_place_and_is_no_overflow() {
    let set = BoundedSet::new(1, 64);
    assert_eq!(&*set.admit(OTHER), OTHER);
    assert_eq!(&*set.admit("a"), "a");
    assert_eq!(set.overflows().get(), 0);
}

#[test]
fn four_kilobytes_are_cut_to_the_ceiling() {
    let set = BoundedSet::new(10, 128);
    let long = "x".repeat(4096);
    let admitted = set.admit(&long);
    assert_eq!(admitted.len(), 128);
    assert!(admitted.ends_with("x..."));
    assert_eq!(
        set.admit(&format!("{long}y")),
        admitted,
        "one beginning is one value"
    );
    assert_eq!(
        &*set.admit(&"y".repeat(128)),
        "y".repeat(128),
        "the ceiling itself is not cut"
    );
}

#[test]
fn a_cut_never_splits_a_character() {
    let long = "ü語😀".repeat(1000);
    for most_bytes in 0..64 {
        let set = BoundedSet::new(10, most_bytes);
        assert!(set.admit(&long).len() <= most_bytes, "{most_bytes}");
    }
}

#[test]
fn forgotten_values_make_room() {
    let set = BoundedSet::new(1, 64);
    set.admit("gone");
    set.retain(|value| value != "gone");
    assert_eq!(&*set.admit("new"), "new");
}

#[test]
fn any_number_of_clients_at_once_keep_to_the_ceiling() {
    let set = BoundedSet::new(50, 64);
    std::thread::scope(|scope| {
        for client in 0..4 {
            let set = &set;
            scope.spawn(move || {
                for value in 0..200 {
                    set.admit(&format!("{client}-{value}"));
                }
            });
        }
    });
    assert_eq!(set.values.read().len(), 50);
    assert_eq!(set.overflows().get(), 4 * 200 - 50);
}
