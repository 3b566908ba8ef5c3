//! One seed with native strategies and with components: everything that happens must be the same, and the journal.

use crate::{Finding, Outcome, plan, trace::Trace};

/// Characters of the two lines that are shown before and behind the place where they differ.
const SHOWN: usize = 160;

/// Whether this seed is played with components, too.
pub fn is_compared(seed: u64) -> bool {
    plan::is_with_components(seed)
}

/// What went otherwise with components. Both were traced, and nothing was found in the first.
pub fn compare(natively: &Outcome, with_components: &Outcome) -> Option<Finding> {
    let differs = natively.trace.hash() != with_components.trace.hash();
    let difference = differs.then(|| first_difference(&natively.trace, &with_components.trace));
    match (difference, &with_components.finding) {
        (None, found) => found.clone(),
        (Some(what), None) => Some(Finding { checker: "components", what }),
        (Some(what), Some(found)) => {
            Some(Finding { checker: "components", what: format!("{what}; and then {}: {}", found.checker, found.what) })
        }
    }
}

fn first_difference(natively: &Trace, with_components: &Trace) -> String {
    let (mut one, mut other) = (natively.lines(), with_components.lines());
    loop {
        match (one.next(), other.next()) {
            (Some(one), Some(other)) if one == other => {}
            (None, None) => return "the traces differ in what is no longer kept of them".to_owned(),
            (one, other) => {
                let [one, other] = [one, other].map(|line| line.unwrap_or("(its end)"));
                let same = one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count();
                let shown = |line: &str| line.chars().skip(same.saturating_sub(SHOWN)).take(2 * SHOWN).collect::<String>();
                return format!("natively: {}; with components: {}", shown(one), shown(other));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Coverage;

    fn outcome(lines: &[&str], finding: Option<Finding>) -> Outcome {
        let mut trace = Trace::new(true);
        lines.iter().for_each(|line| trace.note(0, || (*line).to_owned()));
        Outcome { finding, coverage: Coverage::default(), simulated_ms: 0, calls: 0, leads: 0, trace }
    }

    #[test]
    fn the_first_line_that_differs_is_shown_where_it_differs() {
        let long = format!("{} plays welcome", "x".repeat(1_000));
        let native = outcome(&["one", &long, "three"], None);
        assert_eq!(compare(&native, &outcome(&["one", &long, "three"], None)), None);
        let other = long.replace("welcome", "goodbye");
        let found = compare(&native, &outcome(&["one", &other, "3"], None)).unwrap();
        assert!(found.what.contains("plays welcome; with components: ") && found.what.ends_with("plays goodbye"), "{}", found.what);
        assert!(found.what.len() < 5 * SHOWN, "{}", found.what);
        let shorter = compare(&native, &outcome(&["one", &long], None)).unwrap();
        assert!(shorter.what.ends_with("with components: (its end)"), "{}", shorter.what);
    }

    #[test]
    fn what_a_checker_says_of_the_components_counts_without_a_difference() {
        let finding = Finding { checker: "P10", what: "x".to_owned() };
        let native = outcome(&["one"], None);
        assert_eq!(compare(&native, &outcome(&["one"], Some(finding.clone()))), Some(finding.clone()));
        assert!(compare(&native, &outcome(&["two"], Some(finding))).unwrap().what.ends_with("and then P10: x"));
    }
}
