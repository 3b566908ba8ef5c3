//! The pair at work.

use tandem_synch_link::Standing;
use tandem_words::VersionId;
use tokio::net::TcpListener;

use super::*;

/// Everything blocking waits on threads of its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_gets_the_state_then_the_changes_and_takes_over_with_them() {
    let primary = Primary::start(options('a', 0, 0)).await;
    primary.step(vec![opened(1), heard(1, 1)], 1);
    assert_eq!(primary.counted(), [1], "alone");
    let backup = Backup::of(&primary);
    backup.is_told(&BackupNews::Connected(3));
    backup.is_told(&BackupNews::Full);
    primary.is_told("acknowledged 2");
    primary.step(vec![heard(1, 2)], 2);
    primary.is_told("acknowledged 3");
    assert_eq!(primary.counted(), [1, 2]);
    assert!(primary.is_settled());
    primary.hand_over();
    backup.is_told(&BackupNews::HandOver);
    let (kept, certain) = backup.take_over().await.into_kept(3, false);
    assert!(certain);
    assert_eq!(kept[&session(1)].events.len(), 2);
    primary.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_state_of_many_parts_arrives_whole_and_a_lost_connection_resumes() {
    let primary = Primary::start(options('a', 0, 0)).await;
    for number in 1..=5_000 {
        primary.step(vec![opened(number), heard(number, number)], number);
    }
    let mut backup = Backup::of(&primary);
    primary.is_told("acknowledged 10000");
    assert!(timeout(HUNG, backup.handle.stands(|status| status.full)).await.unwrap());
    // The owner lets go of the connection: the backup comes again, and says what it has.
    primary.desk.lock().unwrap().outgoing = None;
    primary.is_told("gone");
    primary.step(vec![heard(1, 5_001)], 5_001);
    primary.is_told("connected with 10000");
    primary.is_told("acknowledged 10001");
    let (kept, certain) = backup.take_over().await.into_kept(3, false);
    assert!(certain);
    assert_eq!((kept.len(), kept[&session(1)].events.len()), (5_000, 2));
    primary.is_told("gone");
    primary.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_says_how_it_stands_whenever_that_changes() {
    let primary = Primary::start(options('a', 0, 0)).await;
    let backup = Backup::of(&primary);
    primary.is_told("standing false");
    let good = Standing { ready: true, why_not: None, compiled: vec![VersionId([1; 32])], reaches_switch: true };
    backup.handle.tell(good.clone());
    primary.is_told("standing true");
    assert_eq!(primary.standing(), Some(good));
    backup.take_over().await;
    primary.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_comes_later_is_found() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let mut backup = Backup::start(options('b', 0, port));
    backup.problem("cannot be reached").await;
    let primary = Primary::start(options('a', port, 0)).await;
    backup.is_told(&BackupNews::Full);
    primary.stop().await;
    backup.is_told(&BackupNews::Gone);
    backup.take_over().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_told_and_had_when_it_is_free() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut primary = Primary::begin(options('a', port, 0));
    primary.problem(&format!("synch port 127.0.0.1:{port} cannot be had")).await;
    primary.step(vec![opened(1), heard(1, 1)], 1);
    assert_eq!(primary.counted(), [1], "calls go on");
    drop(taken);
    assert!(timeout(HUNG, primary.handle.stands(|status| status.listens_on.is_some())).await.unwrap());
    assert_eq!(primary.handle.status().problem, None);
    primary.stop().await;
}
