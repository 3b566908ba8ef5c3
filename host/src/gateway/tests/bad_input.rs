use tandem_switch_link::{GatewayMessage, HostMessage, MAX_FRAME_BYTES, Refusal, RequestState};
use tandem_words::{InteractionId, RequestBody, RequestKey, SessionId};
use tokio_tungstenite::tungstenite::Message;

use super::{Running, caller, host::Host, options};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_frame_is_refused_by_name_and_the_primary_is_undisturbed() {
    let running = Running::start(options(vec![caller(1, 1_000)])).await;
    let mut primary = Host::leading(&running.url(), 1).await;
    let cases = [
        (Message::text("{"), "cannot be read"),
        (Message::text(r#"[{"type":"fly"}]"#), "fly"),
        (Message::text(r#"[{"type":"lead","epoch":-1,"store":7}]"#), "cannot be read"),
        (Message::binary(vec![0; 10]), "binary"),
        (Message::text(" ".repeat(MAX_FRAME_BYTES + 1)), "limit"),
        (
            Message::text(r#"[{"type":"lead","epoch":9,"store":7},{"type":"reconcile","after":null,"interactions":[],"requests":[]}]"#),
            "before `hello`",
        ),
    ];
    for (message, expected) in cases {
        let mut host = Host::connect(&running.url()).await;
        host.says_raw(message).await;
        let (reason, text) = host.is_refused().await;
        assert_eq!(reason, Refusal::Malformed);
        assert!(text.contains(expected), "{text:?} does not say {expected:?}");
    }
    // Far too long: the library gives up, and so does the connection.
    let mut host = Host::connect(&running.url()).await;
    let _ = futures_util::SinkExt::send(&mut host.socket, Message::text(" ".repeat(3 * MAX_FRAME_BYTES))).await;
    while host.next().await.is_some() {}

    assert_eq!(primary.serves().await, 1);
    assert!(running.end().await.over);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_out_of_order_or_twice_does_nothing() {
    let running = Running::start(options(vec![caller(1, 1_000)])).await;
    let session = SessionId { node: 101, epoch: 1, number: 1 };
    let call: InteractionId = format!("{}-c1", running.handle.status().await.unwrap().incarnation).into();
    let play = |host: &Host, seq| {
        let prompts = vec![tandem_words::Prompt::Sound("welcome".into())];
        let body = RequestBody::Play { call: call.clone(), prompts, interruptible: false };
        host.step(session, seq, call.clone(), body, None)
    };
    let mut early = Host::greeted(&running.url()).await;
    let step = play(&early, 1);
    early.says(&[step]).await;
    assert_eq!(early.is_refused().await.0, Refusal::Malformed);

    let mut host = Host::leading(&running.url(), 1).await;
    host.is_idle().await;
    assert_eq!(host.hears().await.len(), 1);
    let step = play(&host, 1);
    host.says(&[step.clone(), step.clone()]).await;
    host.is_idle().await;
    let request = RequestKey { session, incarnation: 1, request: 1 };
    let again = host.hears().await;
    assert!(again.contains(&GatewayMessage::Duplicate { request, state: RequestState::Open }), "{again:?}");
    // An older epoch, while a newer one leads.
    let mut next = Host::leading(&running.url(), 2).await;
    host.says(&[step]).await;
    assert_eq!(host.is_refused().await.0, Refusal::Fenced);
    let tally = running.handle.status().await.unwrap().tally;
    assert_eq!((tally.applied, tally.duplicates, tally.fenced), (1, 1, 2));
    next.says(&[HostMessage::Heartbeat]).await;
    assert!(!running.stop().await.over);
}
