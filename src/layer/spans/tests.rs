use super::*;

fn table() -> (Spans, Arc<Internal>) {
    let internal = Arc::new(Internal::default());
    (Spans::new(Arc::clone(&internal)), internal)
}

#[test]
fn nine_spans_of_one_set_are_all_found_and_the_ninth_is_counted() {
    let (spans, internal) = table();
    // Ids that fall into one set: the same address bits beyond the table's reach.
    let ids: Vec<u64> = (0..9).map(|n| 1 + n * CAPACITY as u64).collect();
    for id in &ids {
        spans.claim(*id).unwrap().slot.start.store(*id, Ordering::Relaxed);
    }
    assert_eq!(internal.counted(Counter::SpanTableOverflow), 1);
    for id in &ids {
        assert_eq!(spans.find(*id).unwrap().slot.start.load(Ordering::Relaxed), *id);
    }
    for id in &ids {
        spans.release(spans.find(*id).unwrap());
    }
    assert!(ids.iter().all(|id| spans.find(*id).is_none()));
    assert!(spans.claim(ids[8]).is_some_and(|live| live.slot.flags(Slot::OVERFLOWN) == 0), "the set is free again");
}

#[test]
fn leaked_spans_are_bounded_counted_and_leave_room_when_they_end() {
    let (spans, internal) = table();
    let leaked = LIMIT as u64 + 10_000;
    let held = (1..=leaked).filter(|id| spans.claim(*id).is_some()).count() as u64;
    assert!(held <= LIMIT as u64);
    assert_eq!(internal.counted(Counter::SpanUnmeasured), leaked - held);
    assert_eq!(internal.counted(Counter::SpanTableOverflow), held - CAPACITY as u64);
    for live in (1..=leaked).filter_map(|id| spans.find(id)) {
        spans.release(live);
    }
    assert!((1..=leaked).all(|id| spans.find(id).is_none()));
    assert!(spans.claim(1).is_some());
}

#[test]
fn a_reused_slot_is_new() {
    let (spans, _) = table();
    let live = spans.claim(1).unwrap();
    live.slot.set_status(Status::Error);
    live.slot.set_parent(4);
    live.slot.symbols[6].store(9, Ordering::Relaxed);
    spans.release(live);
    let again = spans.claim(1).unwrap();
    assert!(std::ptr::eq(again.slot, live.slot));
    assert_eq!((again.slot.status(), again.slot.parent()), (Status::Unset, None));
    again.slot.reset_unusual_dimensions();
    assert_eq!(again.slot.symbols[6].load(Ordering::Relaxed), 0);
}

#[test]
fn threads_that_claim_and_release_at_once_never_share_a_slot() {
    let (spans, _) = table();
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let spans = &spans;
            scope.spawn(move || {
                for round in 0..2_000 {
                    // All threads want the same set.
                    let id = 1 + (thread + 4 * round) * CAPACITY as u64;
                    let live = spans.claim(id).unwrap();
                    live.slot.start.store(id, Ordering::Relaxed);
                    assert_eq!(spans.find(id).unwrap().slot.start.load(Ordering::Relaxed), id);
                    spans.release(live);
                }
            });
        }
    });
}

#[test]
fn all_spans_that_fit_may_be_children_of_one() {
    assert!((LIMIT as u64) < cover::CHILDREN_MAX);
}
