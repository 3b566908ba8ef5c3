use std::{path::Path, time::Duration};

use tandem_gateway::{core, record::Line};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    super::{Options, Speed, Status},
    Running, caller,
    host::Host,
    options,
};

/// With the ids of calls as they would be without the incarnation, which differs from run to run.
fn record(path: &Path) -> Vec<Line> {
    let text = std::fs::read_to_string(path).unwrap();
    let read = |line: &str| -> Line { serde_json::from_str(line).unwrap() };
    let Line::Begin { incarnation, .. } = read(text.lines().next().unwrap()) else { panic!("{text}") };
    text.replace(&format!("{incarnation}-c"), "c").lines().map(read).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_record_of_a_run_is_complete_and_the_same_at_every_speed() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = Vec::new();
    for speed in [Speed::Max, Speed::Times(200), Speed::Times(50)] {
        let path = folder.path().join(format!("{speed}.jsonl"));
        let callers = (1..=12).map(|number| caller(number, u64::from(number) * 700)).collect();
        let running = Running::start(Options { speed, record_file: Some(path.clone()), ..options(callers) }).await;
        let mut host = Host::leading(&running.url(), 1).await;
        assert_eq!(host.serves().await, 12);
        let summary = running.end().await;
        assert!(summary.over);
        assert_eq!((summary.status.tally.calls, summary.status.tally.self_served), (12, 12));
        assert_eq!((summary.status.tally.duplicates, summary.status.tally.fenced), (0, 0));
        let mut lines = record(&path);
        assert!(matches!(lines.remove(0), Line::Begin { .. }), "the incarnation differs from run to run");
        assert!(matches!(lines.last(), Some(Line::End { calls: 12, .. })));
        records.push(lines);
    }
    assert_eq!(records[0], records[1]);
    assert_eq!(records[0], records[2]);
}

/// A call that nobody takes is sent on soon.
fn impatient(mut options: Options) -> Options {
    let deadlines = core::RoutingPoint { answer_deadline_ms: 100, ..core::RoutingPoint::new("9000") };
    options.core.routing_points = [("8000".into(), deadlines)].into();
    options
}

async fn http(address: std::net::SocketAddr, request: &str) -> String {
    raw_http(address, format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await
}

async fn raw_http(address: std::net::SocketAddr, request: String) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_control_port_tells_how_it_stands_and_stops_arrivals() {
    let control = Some("127.0.0.1:0".parse().unwrap());
    let callers = (1..=1_000).map(|number| caller(number, u64::from(number) * 1_000)).collect();
    let running = Running::start(impatient(Options { control, ..options(callers) })).await;
    let address = running.handle.control_on().unwrap();
    let answer = http(address, "GET /status").await;
    let status: Status = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!((status.now, status.led, status.live_calls, status.tally.calls), (0, false, 0, 0), "time waits for the first lead");

    let mut host = Host::leading(&running.url(), 1).await;
    host.is_idle().await;
    assert_eq!(host.hears().await.len(), 1, "the first caller");
    assert!(http(address, "POST /stop-arrivals").await.starts_with("HTTP/1.1 204"));
    let status = running.handle.status().await.unwrap();
    assert_eq!((status.live_calls, status.at_routing_point, status.led), (1, 1, true));
    drop(host);
    let summary = running.end_unserved().await;
    assert_eq!((summary.status.tally.calls, summary.status.tally.default_routed), (1, 1), "the caller who was left alone");
}

impl Running {
    /// Another primary that only watches, so that the run can end.
    async fn end_unserved(self) -> super::Summary {
        let mut status = self.handle.status().await.unwrap();
        while status.tally.default_routed == 0 && status.on_default_route == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            status = self.handle.status().await.unwrap();
        }
        let mut host = Host::leading(&self.url(), 2).await;
        host.serves().await;
        self.end().await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn time_stands_still_at_a_moment_until_it_is_let_go() {
    let control = Some("127.0.0.1:0".parse().unwrap());
    let callers = (1..=20).map(|number| caller(number, u64::from(number) * 700)).collect();
    let running = Running::start(Options { control, ..options(callers) }).await;
    let (address, handle) = (running.handle.control_on().unwrap(), running.handle.clone());
    let moment = r#"{"calls":5,"at_routing_point":1}"#;
    let asked = format!(
        "POST /hold HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{moment}",
        moment.len()
    );
    let (asking, led) = (tokio::spawn(raw_http(address, asked)), tokio::spawn(http(address, "GET /led/0")));
    let mut host = Host::leading(&running.url(), 1).await;
    let serving = tokio::spawn(async move { host.serves().await });

    let read = |answer: String| serde_json::from_str::<Status>(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let held = read(asking.await.unwrap());
    assert!(held.tally.calls >= 5 && held.at_routing_point >= 1 && held.led, "{held:?}");
    assert_eq!(read(led.await.unwrap()).tally.leads, 1);
    // The host is long done with this instant.
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(handle.status().await.unwrap().now, held.now);
    assert!(http(address, "POST /let-go").await.starts_with("HTTP/1.1 204"));
    assert_eq!(serving.await.unwrap(), 20);
    assert_eq!(running.end().await.status.tally.self_served, 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_falls_silent_is_gone_and_one_that_stalls_is_not_waited_for() {
    // (nothing is heard, or it beats without becoming idle)
    for stalls in [false, true] {
        let short = Duration::from_millis(300);
        let options = Options { heard_within: short, stall_timeout: short, ..options(vec![caller(1, 50)]) };
        let running = Running::start(impatient(options)).await;
        let mut host = Host::leading(&running.url(), 1).await;
        let mut status = running.handle.status().await.unwrap();
        while status.on_default_route == 0 {
            if stalls {
                host.says(&[tandem_switch_link::HostMessage::Heartbeat]).await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            status = running.handle.status().await.unwrap();
        }
        assert_eq!(status.led, stalls);
        if !stalls {
            assert!(host.next().await.is_none(), "closed");
        }
        let summary = running.stop().await;
        assert!(!summary.over);
    }
}
