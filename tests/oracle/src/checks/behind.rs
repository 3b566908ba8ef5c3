//! Whom a late call may have made late: the second kind of call that a fault explains (design, section 13.4).
//!
//! A call is *behind* another of its busy period if it was queued at the same time or later, or if it was still waiting then
//! and the other goes first (priority, waiting credit). Behind a call that crossed a fault everything may come otherwise; so it
//! may behind whoever is behind one, in whatever pool they wait next.

use std::collections::BTreeSet;

use super::queues::{Stay, Who};

/// All that are behind one of `late`, those included.
pub(crate) fn affected(periods: &[Vec<Stay>], late: &BTreeSet<Who>) -> BTreeSet<Who> {
    let mut affected = late.clone();
    loop {
        let before = affected.len();
        periods.iter().for_each(|period| spread(period, &mut affected));
        if affected.len() == before {
            return affected;
        }
    }
}

fn spread(period: &[Stay], affected: &mut BTreeSet<Who>) {
    loop {
        let sources: Vec<&Stay> = period.iter().filter(|stay| affected.contains(&stay.who)).collect();
        let Some(first) = sources.iter().map(|stay| stay.queued_at).min() else { return };
        // Nearly all are behind by time; the others are few, those that waited when a source came.
        let open = period.iter().filter(|stay| stay.waited_until >= first && !affected.contains(&stay.who));
        let overtaken = |stay: &Stay| sources.iter().any(|source| source.queued_at <= stay.waited_until && source.rank < stay.rank);
        let behind: Vec<Who> = open.filter(|stay| stay.queued_at >= first || overtaken(stay)).map(|stay| stay.who.clone()).collect();
        if behind.is_empty() {
            return;
        }
        affected.extend(behind);
    }
}

#[cfg(test)]
mod tests {
    use super::super::queues::{busy_periods, tests::stay};
    use super::*;

    fn check(stays: Vec<Stay>, late: &[u32], expected: &[u32]) {
        let who = |callers: &[u32]| callers.iter().map(|caller| Who::Caller(*caller)).collect::<BTreeSet<_>>();
        assert_eq!(affected(&busy_periods(stays), &who(late)), who(expected));
    }

    fn queue() -> Vec<Stay> {
        vec![
            stay(1, &["group a"], 0, 20, 60),
            stay(2, &["group a"], 10, 30, 60),
            stay(3, &["group a"], 20, 40, 60),
            stay(4, &["group a"], 61, 61, 70),
            stay(5, &["group b"], 20, 40, 60),
        ]
    }

    #[test]
    fn who_was_queued_later_in_the_same_busy_period_is_behind() {
        check(queue(), &[2], &[2, 3]);
        check(queue(), &[5], &[5]);
        check(queue(), &[], &[]);
    }

    #[test]
    fn who_goes_first_makes_others_late_that_came_before_and_these_others_still() {
        let mut stays = queue();
        stays[2].rank = (-1, 20);
        check(stays.clone(), &[3], &[1, 2, 3]);
        stays[0].waited_until = 5;
        check(stays, &[3], &[2, 3]);
    }

    #[test]
    fn a_late_call_is_late_in_the_next_queue_too() {
        let mut stays = queue();
        stays.push(stay(3, &["group b"], 15, 15, 25));
        check(stays, &[2], &[2, 3, 5]);
    }
}
