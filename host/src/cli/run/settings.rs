//! From the options file to what the rooms are told.

use std::time::Duration;

use miette::{Context, IntoDiagnostic, Report, bail};
use tandem_node::{
    Deployments,
    role::{CandidateOptions, Fencing},
    synch::BufferLimits,
};
use tandem_session::{StepLimits, WorkerOptions};
use tandem_strategy::EngineLimits;
use tandem_words::{InstanceName, StoreId};

use crate::{
    deployment,
    node::{InstanceOptions, Pair, Peer, SynchOptions, candidate_options},
    options::{FencingBy, Options},
    switch_link::ClientOptions,
    synch,
};

pub fn instance_options(
    instance: InstanceName,
    options: &Options,
    deployments: Deployments,
    store: Option<StoreId>,
) -> miette::Result<(InstanceOptions, ClientOptions)> {
    let Some((name, switch)) = options.switches.iter().next() else {
        bail!(help = "add [switch.main] with its url", "the options file names no switch to serve");
    };
    let token = match &switch.token_file {
        Some(path) => {
            let read = std::fs::read_to_string(path).into_diagnostic();
            let text = read.wrap_err_with(|| format!("the token file {} of switch {name} cannot be read", path.display()))?;
            Some(text.trim().to_owned())
        }
        None => None,
    };
    let synch = match store {
        Some(store) => synch_options(instance, options, store)?,
        None => None,
    };
    let instance = InstanceOptions {
        cluster: options.cluster.name.clone(),
        instance,
        switch: name.as_str().into(),
        token,
        workers: options.sessions.processing_threads(),
        sessions: worker_options(options),
        lease_timeout: options.lease.timeout,
        lease_renewal: options.lease.renewal(),
        restarts: deployment::restarts(options, &deployments),
        deployments,
        pair: other(instance, options).map(|other| Pair { other, peer: Peer::default(), synch }),
    };
    Ok((instance, ClientOptions { url: switch.url.clone(), ca: switch.ca.clone() }))
}

fn synch_options(instance: InstanceName, options: &Options, store: StoreId) -> miette::Result<Option<SynchOptions>> {
    let orchestration = &options.orchestration;
    let bytes = usize::try_from(orchestration.backup_synch_max_buffer).unwrap_or(usize::MAX);
    let buffer = BufferLimits { bytes, age_ms: millis(orchestration.backup_synch_max_age) };
    let link = synch::Options::of(options, instance, store).map_err(Report::msg)?;
    Ok(link.map(|link| SynchOptions { link, buffer }))
}

fn worker_options(options: &Options) -> WorkerOptions {
    let default = WorkerOptions::default();
    let bytes = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
    WorkerOptions {
        step: StepLimits {
            requests_per_step: options.limits.requests_per_step,
            payload_bytes: bytes(options.limits.payload),
            user_data_bytes: bytes(options.limits.user_data),
            ..default.step
        },
        state_bytes: bytes(options.limits.state),
        max_journal_steps: options.limits.max_journal_steps,
        snapshot_every: options.sessions.snapshot_every,
        passivate_after_ms: millis(options.sessions.passivate_after),
        linger_timeout_ms: millis(options.sessions.linger_timeout),
        restart_diverged: options.orchestration.restart_session_on_switchover,
        ..default
    }
}

pub fn engine_limits(options: &Options) -> EngineLimits {
    let ms = |duration| u32::try_from(millis(duration)).unwrap_or(u32::MAX);
    let worker = worker_options(options);
    EngineLimits {
        step_cpu_ms: ms(options.limits.step_cpu),
        step_wall_ms: ms(options.limits.step_wall),
        cell_memory_bytes: usize::try_from(options.limits.cell_memory).unwrap_or(usize::MAX),
        ..EngineLimits::default()
    }
    .carrying(worker.step.payload_bytes, worker.state_bytes)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The other instance of the node, where the file names one.
pub fn other(instance: InstanceName, options: &Options) -> Option<InstanceName> {
    let other = InstanceName { letter: if instance.letter == 'a' { 'b' } else { 'a' }, ..instance };
    options.instance(other).map(|_| other)
}

/// How it competes for the lease.
pub fn candidate(instance: &InstanceOptions, options: &Options) -> CandidateOptions {
    let preferred = options.nodes.iter().find(|node| node.id == instance.instance.node).and_then(|node| node.preferred);
    let fencing = match options.lease.fencing {
        FencingBy::Kill => Fencing::Kill,
        FencingBy::Epoch => Fencing::EpochOnly,
    };
    candidate_options(instance, preferred, fencing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_the_options_reach_workers_and_engine() {
        let text = "
            cluster.name = \"cc1\"
            persistence.store = \"sqlite:cc1.db\"
            switch.main.url = \"ws://127.0.0.1:7400\"
            [[node]]
            id = 101
            a = {}
            [[routing-point]]
            number = \"8000\"
            switch = \"main\"
            strategy = \"builtin:welcome\"
            default-route = \"9000\"
            [limits]
            state = \"16MiB\"
            payload = \"1MiB\"
            user-data = \"5000B\"
        ";
        let options = Options::parse(text, "tandem.toml").unwrap().options;
        let (worker, engine) = (worker_options(&options), engine_limits(&options));
        assert_eq!((worker.state_bytes, worker.step.payload_bytes, worker.step.user_data_bytes), (16 << 20, 1 << 20, 5_000));
        assert!(engine.transfer_bytes > 16 << 20, "a snapshot of limits.state leaves its guest");
    }
}
