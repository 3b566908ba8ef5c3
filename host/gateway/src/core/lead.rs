//! Who may act: `hello`, `lead`, `reconcile`, `acknowledge` (P5; design, section 5).

use tandem_switch_link::{GatewayMessage, Held, InteractionState, Mark, PROTOCOL, Refusal, RequestState};
use tandem_words::{Epoch, InstanceName, NodeId, StoreId};

use super::{
    ConnectionId, Core, MAX_RECONCILED, NodeKeepsake, Quit,
    connection::{Asking, Peer, Role},
};
use crate::record::Line;

impl Core {
    pub(super) fn hello(
        &mut self,
        id: ConnectionId,
        protocols: &[u32],
        cluster: String,
        node: NodeId,
        instance: String,
        token: Option<&str>,
    ) -> Result<(), Quit> {
        let (switch, incarnation, now) = (self.options.switch.clone(), self.keepsake.incarnation, self.now);
        let Some(connection) = self.connections.get_mut(&id) else { return Ok(()) };
        if connection.peer.is_some() {
            return Err(Quit::malformed("a second `hello`; one begins a connection"));
        }
        if self.options.token.as_deref().is_some_and(|secret| !same_secret(secret, token.unwrap_or_default())) {
            return Err(Quit {
                reason: Refusal::Token,
                message: format!("{instance}: the token is missing or wrong; see the gateway's token file"),
            });
        }
        if !protocols.contains(&PROTOCOL) {
            let message =
                format!("{instance} speaks versions {protocols:?} of the switch link, this gateway {PROTOCOL}; upgrade one of them");
            return Err(Quit { reason: Refusal::Protocol, message });
        }
        match instance.parse::<InstanceName>() {
            Ok(name) if name.node == node => {}
            Ok(_) => return Err(Quit::malformed(format!("instance {instance} is not of node {node}"))),
            Err(error) => return Err(Quit::malformed(error.to_string())),
        }
        connection.peer = Some(Peer { cluster, node, instance });
        connection.send(GatewayMessage::Welcome { protocol: PROTOCOL, switch, incarnation, now });
        Ok(())
    }

    pub(super) fn lead(&mut self, id: ConnectionId, epoch: Epoch, store: StoreId) -> Result<(), Quit> {
        let Some(Peer { cluster, node, instance }) = self.connections.get(&id).and_then(|connection| connection.peer.clone()) else {
            return Ok(());
        };
        let primary = self.nodes.get(&node).and_then(|entry| entry.primary);
        if let Some(known) = self.keepsake.nodes.get(&node) {
            if known.store != store || known.cluster != cluster {
                let message = format!(
                    "{instance} leads node {node} of cluster {cluster:?} by store {store:x}, but the node led in cluster {:?} by store {:x}: \
                     two clusters share this gateway, or the cluster store was replaced (then remove the gateway's state)",
                    known.cluster, known.store,
                );
                return Err(Quit { reason: Refusal::Store, message });
            }
            if epoch < known.epoch {
                return Err(Quit::fenced(format!("epoch {epoch} of node {node}: epoch {} has led; look at the lease", known.epoch)));
            }
            match primary {
                Some(leader) if leader == id && epoch == known.epoch => {
                    return Err(Quit::malformed(format!("epoch {epoch} of node {node} leads here already; `lead` comes once")));
                }
                // One lease has one holder: the same instance is the same process, whose old connection is broken and does not
                // know it yet. Another instance is an impostor.
                Some(leader) if epoch == known.epoch && self.instance(leader) != Some(instance.as_str()) => {
                    let holder = self.instance(leader).unwrap_or("another instance");
                    return Err(Quit::fenced(format!(
                        "epoch {epoch} of node {node} leads at {holder}, not at {instance}; look at the lease"
                    )));
                }
                _ => {}
            }
        }
        // What came before this was sent by whoever led then: it counts, and reconciliation must see it.
        self.apply_buffered();
        if let Some(old) = primary.and_then(|leader| self.connections.get_mut(&leader))
            && let Role::Leading { epoch, .. } = old.role
        {
            old.role = Role::Deposed { epoch };
        }
        let keep = NodeKeepsake { cluster, store, epoch };
        if self.keepsake.nodes.get(&node) != Some(&keep) {
            self.keepsake.nodes.insert(node, keep);
            self.keepsake_changed = true;
        }
        self.nodes.entry(node).or_default().primary = Some(id);
        self.calls.led(node, self.now);
        self.lines.push(Line::Led { at: self.now, node, epoch });
        let now = self.now;
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.role = Role::Leading { epoch, reconciled: false };
            connection.wake_at = None;
            connection.asking = Asking::default();
            connection.send(GatewayMessage::Leading { epoch, now });
        }
        Ok(())
    }

    fn instance(&self, id: ConnectionId) -> Option<&str> {
        Some(self.connections.get(&id)?.peer.as_ref()?.instance.as_str())
    }

    pub(super) fn reconcile(&mut self, id: ConnectionId, after: Option<Mark>, part: Asking, more: bool) -> Result<(), Quit> {
        let (node, epoch) = match self.role(id, "reconcile")? {
            (_, _, true) => return Err(Quit::malformed("`reconcile` comes once after `leading`")),
            (node, epoch, false) => (node, epoch),
        };
        let Some(connection) = self.connections.get_mut(&id) else { return Ok(()) };
        connection.asking.interactions.extend(part.interactions);
        connection.asking.requests.extend(part.requests);
        if connection.asking.interactions.len() + connection.asking.requests.len() > MAX_RECONCILED {
            return Err(Quit::malformed(format!("`reconcile` names more than {MAX_RECONCILED} interactions and requests")));
        }
        if more {
            return Ok(());
        }
        let Asking { interactions, requests } = std::mem::take(&mut connection.asking);
        // Positions of another incarnation say nothing here: everything kept is news.
        let after = after.filter(|mark| mark.incarnation == self.keepsake.incarnation).map_or(0, |mark| mark.position);
        if after > self.positions.last() {
            return Err(Quit::malformed(format!(
                "`reconcile` after position {after}: the last one of incarnation {} is {}",
                self.keepsake.incarnation,
                self.positions.last()
            )));
        }
        self.calls.reconciled(node, &interactions, after);
        let state = |held: Held| {
            let state = if self.calls.holds(&held) { self.calls.state(&held.id) } else { InteractionState::Gone };
            (held, state)
        };
        let requests: Vec<_> = requests.into_iter().map(|key| (key, self.requests.state(&key))).collect();
        let unknown = requests.iter().filter(|(_, state)| *state == RequestState::Unknown).count();
        let (known, unknown) = ((requests.len() - unknown) as u64, unknown as u64);
        self.lines.push(Line::Reconciled { at: self.now, node, known, unknown });
        let message = GatewayMessage::Reconciled {
            now: self.now,
            kept_from: self.positions.kept_from(),
            interactions: interactions.into_iter().map(state).collect(),
            requests,
            more: false,
        };
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.role = Role::Leading { epoch, reconciled: true };
            connection.send(message);
            // What is not kept any more has been delivered as far as that can be: W may go over it.
            connection.delivered = after.max(self.positions.kept_from().saturating_sub(1));
            self.positions.behind(after).for_each(|event| connection.send(GatewayMessage::Event(event.clone())));
        }
        self.committed(node, after);
        self.nodes.entry(node).or_default().has_reconciled = true;
        self.tell_unclaimed();
        self.judge();
        Ok(())
    }

    pub(super) fn acknowledge(&mut self, id: ConnectionId, mark: Mark) -> Result<(), Quit> {
        let (node, _, reconciled) = self.role(id, "acknowledge")?;
        if !reconciled {
            return Err(Quit::malformed("`acknowledge` before `reconcile`"));
        }
        if mark.incarnation != self.keepsake.incarnation {
            let message = format!("`acknowledge` of incarnation {}: this is incarnation {}", mark.incarnation, self.keepsake.incarnation);
            return Err(Quit::malformed(message));
        }
        let delivered = self.connections.get(&id).map_or(0, |connection| connection.delivered);
        if mark.position > delivered {
            return Err(Quit::malformed(format!("`acknowledge` of position {}: {delivered} was the last one sent", mark.position)));
        }
        self.committed(node, mark.position);
        Ok(())
    }

    /// The node's W is at least this.
    fn committed(&mut self, node: NodeId, position: u64) {
        let entry = self.nodes.entry(node).or_default();
        entry.acknowledged = entry.acknowledged.max(position);
        self.forget_answered();
        let everywhere = self.nodes.values().map(|node| node.acknowledged).min().unwrap_or(0);
        self.positions.forget_up_to(everywhere);
    }

    /// Forgets requests whose answers are committed. Not while steps wait for the end of their instant: they came before the
    /// acknowledgement and may repeat what it lets us forget.
    pub(super) fn forget_answered(&mut self) {
        if self.buffered.is_empty() {
            self.nodes.iter().for_each(|(node, entry)| self.requests.forget_up_to(*node, entry.acknowledged));
        }
    }

    /// The node, the epoch in which the connection leads it, and whether it has reconciled; or why it may not say `what`.
    pub(super) fn role(&self, id: ConnectionId, what: &str) -> Result<(NodeId, Epoch, bool), Quit> {
        let unled = || Quit::malformed(format!("`{what}` before `lead` was acknowledged"));
        let connection = self.connections.get(&id).ok_or_else(unled)?;
        let node = connection.peer.as_ref().ok_or_else(unled)?.node;
        match connection.role {
            Role::Listening => Err(unled()),
            Role::Deposed { epoch } => {
                Err(Quit::fenced(format!("`{what}` in epoch {epoch} of node {node}: the node is led elsewhere now; look at the lease")))
            }
            Role::Leading { epoch, reconciled } => Ok((node, epoch, reconciled)),
        }
    }
}

/// Takes as long for a wrong secret as for the right one.
fn same_secret(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}
