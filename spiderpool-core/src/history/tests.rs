use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{
    register::{Effect, FailureKind, Register, Step},
    *,
};

fn address(n: u8) -> Address {
    format!("10.0.0.{n}").parse().unwrap()
}

fn operation(called: Point, returned: impl Into<Option<Point>>, action: Action) -> Operation {
    Operation { called, returned: returned.into(), action }
}

fn grant(holder: &str, n: impl Into<Option<u8>>) -> Action {
    Action::Grant { holder: holder.into(), address: n.into().map(address) }
}

fn release(holder: &str) -> Action {
    Action::Release { holder: holder.into() }
}

fn read(n: u8, holder: Option<&str>) -> Action {
    Action::Read { address: address(n), holder: holder.map(Holder::from) }
}

fn history(operations: &[(Point, Option<Point>, Action)]) -> History {
    operations
        .iter()
        .map(|(called, returned, action)| operation(*called, *returned, action.clone()))
        .collect()
}

#[test]
fn what_overlaps_may_have_happened_in_either_order() {
    let overlapping = [(0, Some(1), grant("a", 1)), (2, Some(5), release("a")), (3, Some(4), grant("b", 1))];
    let checked = history(&overlapping).check().unwrap();
    assert_eq!((checked.addresses, checked.answered), (1, 3));
    // The same, but the release was sent when the second grant had been answered.
    let apart = [(0, Some(1), grant("a", 1)), (2, Some(3), grant("b", 1)), (4, Some(5), release("a"))];
    let violation = history(&apart).check().unwrap_err();
    insta::assert_snapshot!(violation, @r"
    10.0.0.1: no order of the calls explains [2, 3] grant to b: 10.0.0.1; before it:
      [0, 1] grant to a: 10.0.0.1
      [2, 3] grant to b: 10.0.0.1
    ");
}

#[test]
fn a_release_frees_nothing_of_others() {
    let calls = [
        (0, Some(1), grant("a", 1)),
        (2, Some(3), release("a")),
        (4, Some(5), grant("b", 1)),
        (6, Some(7), release("a")),
        (8, Some(9), read(1, None)),
    ];
    assert!(history(&calls[..4]).check().is_ok());
    assert!(history(&calls).check().is_err(), "the late release of a has freed the address of b");
}

#[test]
fn a_lost_call_may_take_effect_late_or_never_but_not_before_it_was_sent() {
    let lost = [
        (0, None, grant("a", None)),
        (1, Some(2), read(1, None)),
        (3, Some(4), grant("b", 2)),
        (5, Some(6), read(1, Some("a"))),
        (7, Some(8), grant("a", 1)),
    ];
    assert!(history(&lost).check().is_ok());
    let seen_before = [(0, Some(1), read(1, Some("a"))), (2, None, grant("a", None))];
    assert!(history(&seen_before).check().is_err());
    let late_release = [
        (0, Some(1), grant("a", 1)),
        (2, None, release("a")),
        (3, Some(4), read(1, Some("a"))),
        (5, Some(6), grant("b", 1)),
    ];
    assert!(history(&late_release).check().is_ok());
}

#[test]
fn an_acknowledged_grant_that_is_forgotten_is_found() {
    let calls = [(0, Some(1), grant("a", 1)), (2, Some(3), read(1, None))];
    assert!(history(&calls).check().is_err());
}

#[test]
fn a_refusal_needs_an_instant_at_which_all_were_held() {
    let pool = IpSet::from_ranges(crate::addr::Family::V4, ["10.0.0.1-10.0.0.2".parse().unwrap()]).unwrap();
    let full = [(0, Some(1), grant("a", 1)), (2, Some(9), grant("b", 2)), (3, Some(4), Action::Exhausted)];
    assert_eq!(history(&full).check_with_refusals(&pool).unwrap().refusals, 1);
    let too_early =
        [(0, Some(1), grant("a", 1)), (2, Some(3), Action::Exhausted), (4, Some(9), grant("b", 2))];
    let violation = history(&too_early).check_with_refusals(&pool).unwrap_err();
    insta::assert_snapshot!(violation, @"[2, 3] refused: every address is held: at no instant were more than 1 of 2 addresses held");
    // Both were held, but at no instant together.
    let in_turn = [
        (0, Some(1), grant("a", 1)),
        (2, Some(3), release("a")),
        (4, Some(7), Action::Exhausted),
        (5, Some(6), grant("b", 2)),
    ];
    assert!(history(&in_turn).check_with_refusals(&pool).is_err());
    // A grant whose answer was lost may hold any address.
    let lost = [(0, Some(1), grant("a", 1)), (2, None, grant("c", None)), (3, Some(4), Action::Exhausted)];
    assert!(history(&lost).check_with_refusals(&pool).is_ok());
}

#[test]
fn a_history_can_be_kept() {
    let kept =
        history(&[(0, Some(1), grant("a", 1)), (2, None, grant("b", None)), (3, Some(4), read(1, None))]);
    let text = serde_json::to_string(&kept).unwrap();
    assert_eq!(serde_json::from_str::<History>(&text).unwrap(), kept);
}

/// Tries every order: what the checker must agree with.
fn some_order(steps: &[Step], held: Option<u32>) -> bool {
    if steps.iter().all(|step| step.returned.is_none()) {
        return true;
    }
    (0..steps.len()).any(|next| {
        let step = steps[next];
        let first = steps.iter().all(|other| other.returned.is_none_or(|returned| step.called < returned));
        let rest: Vec<Step> = steps.iter().enumerate().filter(|(i, _)| *i != next).map(|(_, s)| *s).collect();
        first && step.effect.after(held).is_some_and(|held| some_order(&rest, held))
    })
}

fn effect() -> impl Strategy<Value = Effect> {
    prop_oneof![
        (0..3u32).prop_map(Effect::Grant),
        (0..3u32).prop_map(Effect::Release),
        proptest::option::of(0..3u32).prop_map(Effect::Read),
    ]
}

/// Steps with calls and answers in any order.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (effect(), 0..40u64, 1..16u64, proptest::bool::weighted(0.2));
    proptest::collection::vec(step, 1..8).prop_map(|drawn| {
        // Points are all different, as a recorder gives them.
        let mut points: Vec<(u64, usize, bool)> = Vec::new();
        for (index, (_, called, lasted, lost)) in drawn.iter().enumerate() {
            points.push((*called, index, false));
            if !lost {
                points.push((called + lasted, index, true));
            }
        }
        points.sort_unstable();
        let mut called = BTreeMap::new();
        let mut returned = BTreeMap::new();
        for (point, (_, index, is_answer)) in (0..).zip(points) {
            if is_answer { &mut returned } else { &mut called }.insert(index, point);
        }
        let mut steps: Vec<Step> = drawn
            .iter()
            .enumerate()
            .map(|(index, (effect, ..))| Step {
                called: called[&index],
                returned: returned.get(&index).copied(),
                effect: *effect,
                source: index,
            })
            .collect();
        steps.sort_by_key(|step| step.called);
        steps
    })
}

/// What a real register answers to calls in this order; each call and answer somewhere around its instant.
fn true_history(calls: &[(u8, u8, u64, u64, bool)]) -> History {
    let mut held: BTreeMap<Address, Holder> = BTreeMap::new();
    let mut operations = Vec::new();
    for (instant, (who, what, before, after, lost)) in (0u64..).zip(calls) {
        let holder = Holder::from(format!("h{who}"));
        let mine: Vec<Address> = held.iter().filter(|(_, h)| **h == holder).map(|(a, _)| *a).collect();
        let action = match what % 3 {
            0 => {
                let free = (1..=4).map(address).find(|a| !held.contains_key(a));
                let Some(granted) = mine.first().copied().or(free) else { continue };
                held.insert(granted, holder.clone());
                Action::Grant { holder, address: (!lost).then_some(granted) }
            }
            1 => {
                mine.iter().for_each(|a| drop(held.remove(a)));
                Action::Release { holder }
            }
            _ => {
                let at = address(1 + who % 4);
                Action::Read { address: at, holder: held.get(&at).cloned() }
            }
        };
        let lost = *lost && !matches!(action, Action::Read { .. });
        // Odd and even, so that no call has the point of an answer.
        let called = (1000 * instant).saturating_sub(*before) * 2;
        let returned = (!lost).then_some((1000 * instant + after) * 2 + 1);
        operations.push(operation(called, returned, action));
    }
    operations.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn it_agrees_with_trying_every_order(steps in steps()) {
        let mut register = Register::default();
        steps.iter().for_each(|step| register.add(*step));
        let found = register.check();
        prop_assert!(!matches!(&found, Err(failure) if failure.kind == FailureKind::TooMany));
        prop_assert_eq!(found.is_ok(), some_order(&steps, None), "{:?}", steps);
    }
}

proptest! {
    #[test]
    fn what_a_register_did_is_accepted(
        calls in proptest::collection::vec(
            (0..6u8, any::<u8>(), 0..4000u64, 0..4000u64, proptest::bool::weighted(0.1)), 1..60),
    ) {
        let history = true_history(&calls);
        prop_assert!(history.check().is_ok(), "{}", history.check().unwrap_err());
    }
}
