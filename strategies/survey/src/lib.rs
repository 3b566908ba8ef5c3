//! Three questions, each answered with a digit from 1 to 5; then thanks and good-bye.
//!
//! | parameter | meaning | default |
//! | --- | --- | --- |
//! | `reminder-s` | silence before a question is asked again, in seconds | 10 |
//! | `reminders` | how often; then the question is left out | 2 |
//!
//! - Plays `survey-intro`, `question-1` to `question-3`, `thanks`. A digit interrupts; who knows the questions may press ahead.
//! - After silence, and after another digit than 1 to 5, it plays `reminder` and the question again.
//! - Attaches `answer-1` to `answer-3` to the call as they are given, with milestones of the same names; then the milestone
//!   `complete`, or `partial` where a question was left out.
//! - Who hangs up in the middle has given the answers so far: milestone `partial`, and the answers in the log.

use tandem_sdk::prelude::*;

fn manifest() -> Manifest {
    Manifest::new("survey", env!("CARGO_PKG_VERSION"))
        .parameter("reminder-s", "Silence before a question is asked again, in seconds", "10")
        .parameter("reminders", "How often to ask again", "2")
}

async fn run(call: Call) -> Result<()> {
    let mut answers = Vec::new();
    let outcome = questions(&call, &mut answers).await;
    let complete = answers.iter().flatten().count() == 3;
    call.milestone(if complete { "complete" } else { "partial" });
    call.log(Level::Info, format_args!("answers: {answers:?}"));
    outcome?;
    call.play("thanks").await?;
    call.disconnect().await
}

/// Asks all of them; a hang-up ends it with what there is.
async fn questions(call: &Call, answers: &mut Vec<Option<char>>) -> Result<()> {
    call.play("survey-intro").await?;
    for question in ["1", "2", "3"] {
        let answer = ask(call, &format!("question-{question}")).await?;
        answers.push(answer);
        if let Some(key) = answer {
            let name = format!("answer-{question}");
            call.milestone(&name);
            call.attach(name, key).await?;
        }
    }
    Ok(())
}

/// One question, until it is answered or the reminders are used up.
async fn ask(call: &Call, question: &str) -> Result<Option<char>> {
    let silence = Duration::from_secs(number(call, "reminder-s")?);
    let mut reminders = number(call, "reminders")?;
    let mut prompts = Play::from(question);
    loop {
        let key = select! {
            key = call.digit() => Some(key?),
            heard = listen(call, prompts, silence) => heard.map(|_| None)?,
            end = call.hung_up() => return Err(Error::CallEnded(end)),
        };
        match key {
            Some('1'..='5') => return Ok(key),
            _ if reminders == 0 => return Ok(None),
            _ => reminders -= 1,
        }
        prompts = Play::from(["reminder", question]);
    }
}

/// Plays a question, and gives the caller time.
async fn listen(call: &Call, prompts: Play, silence: Duration) -> Result<()> {
    call.play(prompts).await?;
    call.sleep(silence).await
}

fn number(call: &Call, parameter: &str) -> Result<u64> {
    let text = call.parameter(parameter).unwrap_or_default();
    text.trim().parse().map_err(|_| Error::new(format!("parameter {parameter}: {text:?} is not a number")))
}

tandem_sdk::export_flow!(manifest, run);
