//! Every table against a map that knows what it should say.

use std::collections::BTreeMap;

use super::ALL;
use crate::frames::ours::ring::Ring;
use crate::frames::place::{Key, Place};
use crate::frames::script::{places, shuffled, versions};
use crate::frames::tables::{Entrant, Frame, Reader, Table, enter};

/// What a seat finds of `keys`, as the sum that frames return.
fn found(entrant: &dyn Entrant, keys: &[Key]) -> u64 {
    let mut seat = entrant.seat(false).expect("nobody writes");
    seat.prepare(keys.to_vec());
    let Frame { digest, .. } = seat.frame(0..keys.len());
    digest
}

#[test]
fn all_tables_say_what_a_map_says_in_every_version() {
    let (mut keys, first) = places(1, 1_000);
    let mut oracle: BTreeMap<u64, Place> = keys
        .iter()
        .map(|key| key.bits())
        .zip(first.iter().copied())
        .collect();
    let mut entrants: Vec<Box<dyn Entrant>> = ALL.iter().map(|enter| enter(&first)).collect();
    entrants.push(enter::<Ring>(&first));
    let versions = versions(2, &keys, 12, 150);
    // A name of another tenant, and of an index that no table has, resolve to nothing.
    let stale = |key: &Key| Key {
        generation: key.generation + 2,
        ..*key
    };
    keys.extend(keys.clone().iter().step_by(7).map(stale));
    keys.push(Key {
        index: 5_000,
        generation: 1,
    });
    let order: Vec<Key> = shuffled(3, keys.len())
        .iter()
        .map(|at| keys[*at as usize])
        .collect();
    for version in &versions {
        for change in version {
            oracle.insert(change.key.bits(), change.place);
        }
        for entrant in &mut entrants {
            entrant.publish(version);
        }
        for share in order.chunks(333) {
            let places = share.iter().filter_map(|key| oracle.get(&key.bits()));
            let expected = places.fold(0, |sum: u64, place| sum.wrapping_add(place.digest()));
            for entrant in &entrants {
                assert_eq!(found(&**entrant, share), expected, "{}", entrant.name());
            }
        }
    }
}

/// A lookup gives the whole payload.
fn whole_payload<T: Table>() {
    let (keys, first) = places(4, 600);
    let mut table = T::new(&first);
    let versions = versions(5, &keys, 3, 40);
    let mut oracle = first;
    for version in &versions {
        Table::publish(&mut table, version);
        for change in version {
            oracle[change.key.index as usize] = change.place;
        }
        let reader = table.reader();
        let frame = reader.begin();
        for key in &keys {
            let expected = Some(oracle[key.index as usize]);
            assert_eq!(reader.get(&frame, *key), expected, "{} {key:?}", T::NAME);
        }
    }
}

#[test]
fn a_lookup_gives_the_whole_payload() {
    whole_payload::<super::FlatSlice>();
    whole_payload::<super::PerLookup>();
    whole_payload::<super::AhashPerLookup>();
    whole_payload::<super::PerFrame>();
    whole_payload::<super::DoubleBuffer>();
    whole_payload::<super::LeftRight>();
    whole_payload::<super::CowPages>();
    whole_payload::<Ring>();
}

/// Where frames keep their version: what was begun before a publish does not see it.
fn keeps_its_version<T: Table>() {
    let (keys, first) = places(6, 512);
    let mut table = T::new(&first);
    let reader = table.reader();
    let frame = reader.begin();
    for version in versions(7, &keys, 2, 512) {
        Table::publish(&mut table, &version);
    }
    for (key, place) in keys.iter().zip(&first) {
        assert_eq!(reader.get(&frame, *key), Some(*place), "{}", T::NAME);
    }
    let newer = reader.begin();
    let same = keys
        .iter()
        .zip(&first)
        .filter(|(key, place)| reader.get(&newer, **key) == Some(**place));
    assert!(
        same.count() < 256,
        "{} shows the newer version to new frames",
        T::NAME
    );
}

#[test]
fn frames_keep_their_version_where_nobody_waits() {
    keeps_its_version::<super::CowPages>();
    keeps_its_version::<Ring>();
}

#[test]
fn only_the_slice_cannot_be_read_beside_its_writer() {
    let (_, first) = places(8, 16);
    for enter in ALL {
        let entrant = enter(&first);
        let is_slice = entrant.name() == "flat-slice";
        assert_eq!(entrant.seat(true).is_none(), is_slice, "{}", entrant.name());
    }
}
