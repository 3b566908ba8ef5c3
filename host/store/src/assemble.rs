//! From a session's rows, in order, to what brings it back.

use tandem_journal::SessionRows;

use crate::head::Kind;

/// Collects the rows of a session's newest incarnation.
#[derive(Debug, Default)]
pub(crate) struct Assembly {
    opening: Vec<u8>,
    snapshot: Option<Vec<u8>>,
    /// Steps (with their numbers) and the ending.
    tail: Vec<(u32, Vec<u8>)>,
    /// The last step seen.
    seq: u32,
    /// The snapshot's step.
    snapshot_seq: u32,
}

impl Assembly {
    /// Takes the next row. Rows must come in order, and may begin with the opening or (the opening being put in
    /// with [`Assembly::opened_by`]) with a snapshot that the session's head points to.
    pub(crate) fn add(&mut self, kind: Kind, seq: u32, data: Vec<u8>) {
        match kind {
            Kind::Opened => *self = Assembly { opening: data, ..Assembly::default() },
            Kind::Step => {
                self.seq = seq;
                self.tail.push((seq, data));
            }
            Kind::Ended => self.tail.push((u32::MAX, data)),
            // A snapshot stands behind its step; one whose step does not exist is ignored (design, section 4).
            Kind::Snapshot if (self.snapshot_seq..=self.seq).contains(&seq) => {
                self.tail.retain(|(step, _)| *step > seq);
                (self.snapshot, self.snapshot_seq) = (Some(data), seq);
            }
            Kind::Snapshot => {}
        }
    }

    /// Begins at a snapshot that is known to stand behind its step.
    pub(crate) fn resume(&mut self, seq: u32, data: Vec<u8>) {
        (self.seq, self.snapshot_seq) = (seq, seq);
        self.snapshot = Some(data);
    }

    pub(crate) fn opened_by(&mut self, data: Vec<u8>) {
        self.opening = data;
    }

    pub(crate) fn finish(self) -> SessionRows {
        SessionRows { opening: self.opening, snapshot: self.snapshot, tail: self.tail.into_iter().map(|(_, data)| data).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rows: &[(Kind, u32)], snapshot: Option<u8>, tail: &[u8]) {
        let mut assembly = Assembly::default();
        for (at, (kind, seq)) in rows.iter().enumerate() {
            assembly.add(*kind, *seq, vec![u8::try_from(at).unwrap()]);
        }
        let rows = assembly.finish();
        assert_eq!((rows.snapshot, rows.tail), (snapshot.map(|at| vec![at]), tail.iter().map(|at| vec![*at]).collect()));
    }

    #[test]
    fn the_last_snapshot_whose_step_stands_before_it_counts() {
        use Kind::{Ended, Opened, Snapshot, Step};
        check(&[(Opened, 0)], None, &[]);
        check(&[(Opened, 0), (Step, 1), (Step, 2)], None, &[1, 2]);
        check(&[(Opened, 0), (Snapshot, 0), (Step, 1)], Some(1), &[2]);
        check(&[(Opened, 0), (Step, 1), (Snapshot, 1), (Step, 2)], Some(2), &[3]);
        check(&[(Opened, 0), (Step, 1), (Step, 2), (Snapshot, 1), (Ended, 2)], Some(3), &[2, 4]);
        check(&[(Opened, 0), (Step, 1), (Snapshot, 2)], None, &[1]);
        check(&[(Opened, 0), (Step, 1), (Snapshot, 2), (Step, 2)], None, &[1, 3]);
        check(&[(Opened, 0), (Step, 1), (Step, 2), (Snapshot, 2), (Snapshot, 1), (Step, 3)], Some(3), &[5]);
        check(&[(Opened, 0), (Step, 1), (Snapshot, 1), (Step, 2), (Snapshot, 3)], Some(2), &[3]);
    }

    #[test]
    fn a_new_incarnation_begins_afresh() {
        use Kind::{Opened, Snapshot, Step};
        check(&[(Opened, 0), (Step, 1), (Snapshot, 1), (Opened, 0), (Step, 1)], None, &[4]);
    }
}
