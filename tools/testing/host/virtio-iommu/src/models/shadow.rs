// SPDX-License-Identifier: GPL-2.0

//! The mappings of a domain, compared with a list of them.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    iter,
    sync::{
        atomic::{
            AtomicU64,
            Ordering, //
        },
        OnceLock, //
    },
    thread,
};

use proptest::prelude::*;

use crate::{
    proto::MapFlags,
    range::{
        Granule,
        IovaRange, //
    },
    removal::Removal,
    shadow::{
        Mapping,
        Shadow, //
    },
    words::{
        index,
        Node,
        Table,
        Word,
        BITS,
        PLACES, //
    },
};

const SHIFT: u32 = 12;

/// Levels enough for words that are for many words' pages.
const LEVELS: u32 = 3;

const PAGES: u64 = 1 << (LEVELS * BITS);

/// A number as the driver has one.
struct Number(AtomicU64);

impl Word for Number {
    fn zero() -> Self {
        Self(AtomicU64::new(0))
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed)
    }

    fn observe(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    fn publish(&self, value: u64) {
        self.0.store(value, Ordering::Release)
    }

    fn replace(&self, old: u64, new: u64) -> bool {
        let replaced = self
            .0
            .compare_exchange(old, new, Ordering::SeqCst, Ordering::Relaxed);
        replaced.is_ok()
    }
}

/// A table as the driver has one, without its locks and its two trees.
struct Tree {
    starts: Number,
    words: [Number; PLACES],
    below: Vec<OnceLock<Tree>>,
}

impl Tree {
    fn new() -> Self {
        Self {
            starts: Number::zero(),
            words: std::array::from_fn(|_| Number::zero()),
            below: iter::repeat_with(OnceLock::new).take(PLACES).collect(),
        }
    }

    fn reserve(&self, page: u64, order: u32) {
        let mut node = self;
        for level in (1..LEVELS).rev().take_while(|level| level * BITS > order) {
            node = node.below[index(page, level * BITS)].get_or_init(Tree::new);
        }
    }
}

impl Table for Tree {
    type Word = Number;
    type At<'a> = &'a Tree;

    fn top(&self, page: u64) -> Option<(&Tree, u32)> {
        (page < PAGES).then_some((self, (LEVELS - 1) * BITS))
    }

    fn node<'a>(&'a self, at: &'a Tree) -> Node<'a, Number> {
        Node {
            starts: &at.starts,
            words: &at.words,
        }
    }

    fn below<'a>(&'a self, at: &'a Tree, place: usize) -> Option<&'a Tree> {
        at.below[place].get()
    }
}

fn shadow() -> Shadow<Tree> {
    let page = Granule::lowest_of(1 << SHIFT).unwrap();
    Shadow::new(Tree::new(), page, (PAGES << SHIFT) - 1)
}

fn range(page: u64, count: u64) -> IovaRange {
    IovaRange::from_len(page << SHIFT, count << SHIFT).unwrap()
}

/// What somebody does with the mappings.
#[derive(Clone, Copy, Debug)]
enum Step {
    Map(u64, u64, bool),
    Unmap(u64, u64),
    Forget,
    Send,
}

/// Pages and counts that meet each other, and the boundaries of words, often.
fn pages() -> impl Strategy<Value = (u64, u64)> {
    let page = prop_oneof![0..200_u64, (0..8_u64).prop_map(|n| n * 64), 0..PAGES - 9000];
    let count = prop_oneof![
        1..5_u64,
        Just(64),
        Just(512),
        1..200_u64,
        Just(4096),
        1..9000_u64
    ];
    (page, count)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (pages(), any::<bool>()).prop_map(|((page, count), sent)| Step::Map(page, count, sent)),
        4 => pages().prop_map(|(page, count)| Step::Unmap(page, count)),
        1 => Just(Step::Forget),
        1 => Just(Step::Send),
    ]
}

/// The mappings by their first page: number of pages, and whether sent.
type Model = BTreeMap<u64, (u64, bool)>;

fn is_vacant(model: &Model, page: u64, count: u64) -> bool {
    model
        .iter()
        .all(|(start, (len, _))| start + len <= page || page + count <= *start)
}

fn remove(model: &mut Model, page: u64, count: u64) -> Option<(u64, u64, bool)> {
    let mut next = page;
    let mut any_sent = false;
    while next < page + count {
        let Some((len, sent)) = model.remove(&next) else {
            break;
        };
        next += len;
        any_sent |= sent;
    }
    (next > page).then_some((page, next - page, any_sent))
}

fn phys(page: u64) -> u64 {
    (page << SHIFT) | 1 << 45
}

fn send_all(shadow: &Shadow<Tree>) -> Vec<(u64, u64)> {
    let mut sent = Vec::new();
    let mut next = Some(0);
    while let Some(page) = next {
        let mut room = 3;
        let result = shadow.send_missing(page, |mapping| {
            let first = mapping.iova.start() >> SHIFT;
            assert_eq!(mapping.phys, phys(first));
            assert_eq!(mapping.flags, MapFlags::WRITE);
            if room == 0 {
                return Ok(false);
            }
            room -= 1;
            sent.push((first, mapping.iova.len().unwrap() >> SHIFT));
            Ok::<_, Infallible>(true)
        });
        next = result.unwrap();
    }
    sent
}

fn insert(shadow: &Shadow<Tree>, mapping: &Mapping) {
    for piece in shadow.pieces(mapping.iova) {
        shadow.table().reserve(piece.page, piece.order);
    }
    shadow.insert(mapping, true);
}

fn remove_all(shadow: &Shadow<Tree>, iova: IovaRange) {
    let mut removal = Removal::new(shadow, iova);
    while !removal.step(shadow) {}
}

/// Whoever looks up while nobody maps or unmaps finds what is mapped then.
#[test]
fn nobody_finds_what_was_mapped_before() {
    const ROUNDS: u64 = 20_000;
    let shadow = shadow();
    // Odd while the mapping changes.
    let round = AtomicU64::new(1);
    let where_to = |round: u64| (round % 1000 + 1) << 30;
    thread::scope(|scope| {
        for reader in 0..2_u64 {
            let (shadow, round) = (&shadow, &round);
            scope.spawn(move || {
                let mut page = reader;
                loop {
                    let before = round.load(Ordering::Acquire);
                    if before > 2 * ROUNDS {
                        break;
                    }
                    page = (page + 1) % 96;
                    let found = shadow.lookup(page << SHIFT);
                    // What was read is not to be read later than this.
                    std::sync::atomic::fence(Ordering::SeqCst);
                    if before % 2 == 0 && round.load(Ordering::Relaxed) == before {
                        assert_eq!(found, Some(where_to(before) + (page << SHIFT)));
                    }
                }
            });
        }
        for number in 0..ROUNDS {
            let iova = range(0, 96);
            remove_all(&shadow, iova);
            let next = 2 * number + 2;
            let mapping = Mapping {
                iova,
                phys: where_to(next),
                flags: MapFlags::READ,
            };
            insert(&shadow, &mapping);
            round.store(next, Ordering::Release);
            for _ in 0..number % 100 {
                std::hint::spin_loop();
            }
            round.store(next + 1, Ordering::SeqCst);
        }
    });
}

proptest! {
    #[test]
    fn behaves_like_a_list(steps in prop::collection::vec(step(), 1..40)) {
        let shadow = shadow();
        let mut model = Model::new();
        for step in steps {
            match step {
                Step::Map(page, count, sent) => {
                    let iova = range(page, count);
                    let vacant = is_vacant(&model, page, count);
                    prop_assert_eq!(shadow.is_vacant(iova), vacant);
                    let mapping = Mapping { iova, phys: phys(page), flags: MapFlags::WRITE };
                    if let Some(vacancy) = shadow.vacancy(iova) {
                        prop_assert!(vacant);
                        shadow.fill(&vacancy, &mapping, sent);
                        model.insert(page, (count, sent));
                    } else if vacant {
                        for piece in shadow.pieces(iova) {
                            shadow.table().reserve(piece.page, piece.order);
                        }
                        shadow.insert(&mapping, sent);
                        model.insert(page, (count, sent));
                    }
                }
                Step::Unmap(page, count) => {
                    let mut removal = Removal::new(&shadow, range(page, count));
                    while !removal.step(&shadow) {}
                    prop_assert!(removal.step(&shadow));
                    let removed = removal.removed(&shadow).map(|removed| {
                        let iova = removed.iova;
                        (iova.start() >> SHIFT, iova.len().unwrap() >> SHIFT, removed.sent)
                    });
                    prop_assert_eq!(removed, remove(&mut model, page, count));
                }
                Step::Forget => {
                    let mut next = Some(0);
                    while let Some(page) = next {
                        next = shadow.forget_sent(page);
                    }
                    model.values_mut().for_each(|(_, sent)| *sent = false);
                }
                Step::Send => {
                    let unsent: Vec<_> = model
                        .iter()
                        .filter(|(_, (_, sent))| !sent)
                        .map(|(page, (count, _))| (*page, *count))
                        .collect();
                    prop_assert_eq!(send_all(&shadow), unsent);
                    model.values_mut().for_each(|(_, sent)| *sent = true);
                }
            }
            for (page, (count, _)) in &model {
                for inside in [*page, page + count / 2, page + count - 1] {
                    prop_assert_eq!(shadow.lookup(inside << SHIFT | 5), Some(phys(inside) | 5));
                }
                for outside in [page.wrapping_sub(1), page + count] {
                    let mapped = outside < PAGES && !is_vacant(&model, outside, 1);
                    prop_assert_eq!(shadow.lookup(outside << SHIFT).is_some(), mapped);
                }
            }
        }
    }

    /// The pieces of a range are the range, in as few words as there can be.
    #[test]
    fn pieces_make_up_the_range((page, count) in pages()) {
        let shadow = shadow();
        let mut next = page;
        for piece in shadow.pieces(range(page, count)) {
            prop_assert_eq!(piece.page, next);
            prop_assert_eq!(next % (1 << piece.order), 0);
            prop_assert!(index(next, piece.order) + piece.count <= PLACES);
            let larger = 1_u64 << (piece.order + BITS);
            let end = next + ((piece.count as u64) << piece.order);
            prop_assert!(
                piece.order + BITS > (LEVELS - 1) * BITS
                    || next % larger != 0
                    || page + count - next < larger
            );
            next = end;
        }
        prop_assert_eq!(next, page + count);
    }
}
