//! Peers that must not be served, and do not disturb.

use tandem_synch_link::{BackupMessage, Hello, LENGTH_BYTES, PrimaryMessage, Refusal, decode, encode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::synch::carriage::IDLE_TALK;

async fn stranger(port: u16) -> TcpStream {
    TcpStream::connect(("127.0.0.1", port)).await.unwrap()
}

fn frame(message: &BackupMessage) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(message, &mut bytes).unwrap();
    bytes
}

fn hello(change: impl FnOnce(&mut Hello)) -> Vec<u8> {
    let mut hello = greeter('b').hello(None);
    change(&mut hello);
    frame(&BackupMessage::Hello(Box::new(hello)))
}

async fn read(tcp: &mut TcpStream) -> Option<PrimaryMessage> {
    let mut length = [0; LENGTH_BYTES];
    tcp.read_exact(&mut length).await.ok()?;
    let mut bytes = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
    tcp.read_exact(&mut bytes).await.unwrap();
    Some(decode(&bytes).unwrap())
}

/// What it is told until the connection ends.
async fn answers(tcp: &mut TcpStream) -> Vec<PrimaryMessage> {
    let mut all = Vec::new();
    while let Some(message) = timeout(HUNG, read(tcp)).await.unwrap() {
        all.push(message);
    }
    all
}

fn refusal(answers: &[PrimaryMessage]) -> (Refusal, String) {
    match answers {
        [PrimaryMessage::Refused { reason, message }] => (*reason, message.clone()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_be_the_backup_is_told_why_and_the_backup_is_served_on() {
    let mut primary = Primary::start(options('a', 0, 0)).await;
    let mut refused = async |hello: Vec<u8>| {
        let mut tcp = stranger(primary.port).await;
        tcp.write_all(&hello).await.unwrap();
        let (reason, message) = refusal(&answers(&mut tcp).await);
        primary.problem(&message).await;
        (reason, message)
    };
    let differing = |hello: &mut Hello| hello.options.options[0].hash = 2;
    assert_eq!(refused(hello(|hello| hello.versions = vec![99])).await.0, Refusal::Version);
    assert_eq!(refused(hello(|hello| hello.instance = "101/a".to_owned())).await.0, Refusal::Identity);
    assert_eq!(refused(hello(|hello| hello.instance = "101/c".to_owned())).await.0, Refusal::Identity);
    assert_eq!(refused(hello(|hello| hello.store = 1)).await.0, Refusal::Store);
    let (reason, message) = refused(hello(differing)).await;
    assert!(reason == Refusal::Options && message.contains("lease.timeout"), "{message}");
    let mut nonsense = Vec::from(5_u32.to_be_bytes());
    nonsense.extend(b"hello");
    assert_eq!(refused(nonsense).await.0, Refusal::Malformed);

    let backup = Backup::of(&primary);
    backup.is_told(&BackupNews::Full);
    let mut third = stranger(primary.port).await;
    third.write_all(&hello(|_| ())).await.unwrap();
    assert_eq!(refusal(&answers(&mut third).await).0, Refusal::Busy);
    primary.step(vec![opened(1), heard(1, 1)], 1);
    primary.is_told("acknowledged 2");
    backup.take_over().await;
    primary.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_program_a_silent_one_and_many_of_them_do_not_disturb_the_backup() {
    let mut primary = Primary::start(options('a', 0, 0)).await;
    let mut browser = stranger(primary.port).await;
    browser.write_all(b"GET / HTTP/1.1\r\nHost: tandem\r\n\r\n").await.unwrap();
    primary.problem("Is it an instance of Tandem").await;
    let backup = Backup::of(&primary);
    backup.is_told(&BackupNews::Full);
    let mut silent = Vec::new();
    for _ in 0..30 {
        silent.push(stranger(primary.port).await);
    }
    primary.step(vec![opened(1), heard(1, 1)], 1);
    primary.is_told("acknowledged 2");
    for tcp in &mut silent {
        assert!(answers(tcp).await.is_empty(), "closed without a word, within the time of a handshake");
    }
    backup.take_over().await;
    primary.is_told("gone");
    let again = Backup::of(&primary);
    again.is_told(&BackupNews::Full);
    again.take_over().await;
    primary.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_floods_or_acknowledges_at_random_is_closed() {
    let mut primary = Primary::start(options('a', 0, 0)).await;
    let flood: Vec<u8> = (0..100 * IDLE_TALK).flat_map(|_| frame(&BackupMessage::Heartbeat)).collect();
    let random = frame(&BackupMessage::Ack { seq: 7 });
    for (bytes, say) in [(flood, "idle messages"), (random, "acknowledgement of change 7"), (hello(|_| ()), "`hello` once more")] {
        let mut tcp = stranger(primary.port).await;
        tcp.write_all(&hello(|_| ())).await.unwrap();
        primary.is_told("connected anew");
        // It may be closed before it has said all.
        let _ = tcp.write_all(&bytes).await;
        primary.is_told("gone");
        primary.problem(say).await;
    }
    primary.step(vec![opened(1), heard(1, 1)], 1);
    assert_eq!(primary.counted(), [1], "calls go on");
    primary.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_falls_silent_is_given_up_on_both_sides() {
    let primary = Primary::start(options('a', 0, 0)).await;
    let mut tcp = stranger(primary.port).await;
    tcp.write_all(&hello(|_| ())).await.unwrap();
    primary.is_told("connected anew");
    primary.step(vec![opened(1), heard(1, 1)], 1);
    primary.is_told("gone");
    assert_eq!(primary.counted(), [1], "what waited for it counts");
    primary.stop().await;

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut backup = Backup::start(options('b', 0, listener.local_addr().unwrap().port()));
    let (mut tcp, _) = listener.accept().await.unwrap();
    let welcome = greeter('a').answer(&greeter('b').hello(None), 3, false).unwrap();
    let mut bytes = Vec::new();
    encode(&welcome, &mut bytes).unwrap();
    tcp.write_all(&bytes).await.unwrap();
    backup.problem("no sign of life").await;
    backup.take_over().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_speaks_nonsense_is_left_and_asked_for_the_full_state() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut backup = Backup::start(options('b', 0, listener.local_addr().unwrap().port()));
    let welcome = greeter('a').answer(&greeter('b').hello(None), 3, false).unwrap();
    let change = |seq| PrimaryMessage::Change { seq, change: opened(1) };
    for (messages, say) in [
        (vec![welcome.clone(), change(1)], "a change before the full state"),
        (vec![welcome.clone(), PrimaryMessage::Begin, PrimaryMessage::End { seq: 4 }, change(6)], "change 6 where change 5 should come"),
        (vec![PrimaryMessage::Begin], "did not answer `hello`"),
        (vec![PrimaryMessage::Refused { reason: Refusal::Store, message: "another store".to_owned() }], "another store"),
    ] {
        let (mut tcp, _) = timeout(HUNG, listener.accept()).await.unwrap().unwrap();
        let mut bytes = Vec::new();
        messages.iter().for_each(|message| encode(message, &mut bytes).unwrap());
        tcp.write_all(&bytes).await.unwrap();
        backup.problem(say).await;
    }
    assert!(!backup.take_over().await.into_kept(3, false).1);
}
