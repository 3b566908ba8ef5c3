//! P10 where a strategy's replay differs: its journal stands, and its session starts again, once, where its manifest allows that, and
//! hears all that its call did; else it is given up, and its call takes its default route. Nobody else starts again.

use tandem_journal::{Claim, Outcome, Source, Step, StepFailureKind};
use tandem_words::{EventBody, InteractionId, RestartCause, SessionId};

use super::{
    Checked, holds,
    journal::{Book, Journal},
};
use crate::plan::Plan;

pub(super) fn check(journal: &Journal, plan: &Plan) -> Checked {
    for ((session, run), book) in journal.books.iter().filter(|(_, book)| book.is_persisted()) {
        let (differs, again) = (plan.replay_differs(book.opening.version), plan.starts_again(book.opening.version));
        let given_up = book.steps.iter().find(|step| is_given_up(step));
        holds("P10", given_up.is_none() || differs, || {
            format!("{session} is given up for its replay, which does not differ: {given_up:?}")
        })?;
        let before_it = book.steps.iter().take_while(|step| !is_given_up(step));
        let wanted = *run == 1 && again && may_be_wanted(book, before_it);
        holds("P10", given_up.is_none() || !wanted, || format!("{session} is given up, and may start again"))?;
        if *run > 1 {
            holds("P10", differs && again && *run == 2, || format!("{session} starts again as run {run}: differs {differs}, may {again}"))?;
            let first = journal.books.get(&(*session, run - 1));
            first.map_or(Ok(()), |first| check_again(*session, first, book))?;
        }
    }
    Ok(())
}

fn is_given_up(step: &Step) -> bool {
    matches!(&step.outcome, Outcome::Failed(failure) if failure.kind == StepFailureKind::ReplayDiverged)
}

/// Whether it surely has its call still.
fn may_be_wanted<'a>(book: &Book, mut steps: impl Iterator<Item = &'a Step>) -> bool {
    let lost = |step: &Step| {
        use EventBody::{InteractionDefaultRouted, InteractionDeleted, InteractionNotControlled};
        matches!(step.event.body, InteractionDeleted(_) | InteractionDefaultRouted(_) | InteractionNotControlled(_))
    };
    !matches!(book.opening.claim, Some(Claim::Visit { .. })) || !book.steps.is_empty() && !steps.any(lost)
}

/// What the switch told the first run, the second hears first, but for what is over a cap.
fn check_again(session: SessionId, first: &Book, second: &Book) -> Checked {
    let Some(EventBody::SessionRestarted(restart)) = second.steps.first().map(|step| &step.event.body) else {
        return holds("P7", false, || format!("{session} starts again and hears first {:?}", second.steps.first()));
    };
    holds("P7", restart.cause == RestartCause::ReplayDiverged, || format!("{session} starts again, told why: {restart:?}"))?;
    if let (Some(Claim::Visit { interaction, .. }), Some(named)) = (&second.opening.claim, &restart.interaction) {
        holds("P7", *named == InteractionId::from(interaction.as_str()), || {
            format!("{session} has call {interaction}, and was told of {named}")
        })?;
    }
    if restart.partial {
        return Ok(());
    }
    let told = |book: &Book, upto: usize| -> Vec<(u64, u64)> {
        let steps = book.steps.iter().take(upto).filter(|step| step.outcome != Outcome::Late);
        let of_switch = |step: &Step| match step.source {
            Source::Switch { incarnation, position } => Some((incarnation, position)),
            Source::Host | Source::Message(_) => None,
        };
        steps.filter_map(of_switch).collect()
    };
    let before = told(first, first.steps.len());
    let after = told(second, second.over_after().unwrap_or(usize::MAX));
    let over = second.over_after().is_some();
    let differs = before.iter().zip(&after).find(|(before, after)| before != after);
    holds("P7", differs.is_none() && (over || after.len() >= before.len()), || {
        format!(
            "{session} heard {} events before it started again, and {} since; the first that differs: {differs:?}",
            before.len(),
            after.len()
        )
    })
}
