//! Ways to change one place of a file.

use serde_json::Value;

use super::run::Run;

/// The first line for which this holds.
pub fn find(lines: &[Value], what: &str, is: impl Fn(&Value) -> bool) -> usize {
    lines.iter().position(is).unwrap_or_else(|| panic!("there is no {what}"))
}

/// A line of the record: its type and its call.
pub fn line<'a>(kind: &'a str, call: &'a str) -> impl Fn(&Value) -> bool + 'a {
    move |line| line["type"] == kind && line["interaction"] == call
}

/// A step of the `n`th session (from 1, in the order of the journal) with this number.
pub fn step(journal: &[Value], call: &str, seq: u64) -> usize {
    let opened = find(journal, call, |record| record.pointer("/opened/claim/visit/interaction").is_some_and(|of| of == call));
    let session = journal[opened]["opened"]["session"].clone();
    find(journal, &format!("step {seq} of {call}"), |record| record["step"]["session"] == session && record["step"]["event"]["seq"] == seq)
}

impl Run {
    /// Takes a step out of the journal, and numbers those behind it anew.
    pub fn drop_step(&mut self, call: &str, seq: u64) -> Value {
        let index = step(&self.journal, call, seq);
        let dropped = self.journal.remove(index);
        self.renumber(&dropped["step"]["session"], index, -1);
        dropped
    }

    /// Takes a step twice, and numbers those behind it anew.
    pub fn double_step(&mut self, call: &str, seq: u64) {
        let index = step(&self.journal, call, seq);
        let again = self.journal[index].clone();
        self.renumber(&again["step"]["session"], index + 1, 1);
        self.journal.insert(index + 1, again);
        let next = &mut self.journal[index + 1]["step"]["event"]["seq"];
        *next = (next.as_u64().unwrap() + 1).into();
    }

    fn renumber(&mut self, session: &Value, from: usize, by: i64) {
        let session = session.clone();
        for record in self.journal.iter_mut().skip(from).filter(|record| record["step"]["session"] == session) {
            let seq = &mut record["step"]["event"]["seq"];
            *seq = (seq.as_i64().unwrap() + by).into();
        }
        // Requests say which step made them; those of later steps follow.
        for line in self.record.iter_mut().filter(|line| line["type"] == "request" && line["key"]["session"] == session) {
            let made_by = self.journal.iter().find_map(|record| {
                let asks = |request: &Value| request["id"] == line["key"]["request"];
                let step = record.get("step").filter(|step| step["session"] == session)?;
                step["requests"].as_array()?.iter().any(asks).then(|| step["event"]["seq"].clone())
            });
            if let Some(seq) = made_by {
                line["seq"] = seq;
            }
        }
    }

    /// Two steps exchange their events.
    pub fn swap_events(&mut self, call: &str, seq: u64) {
        let (first, second) = (step(&self.journal, call, seq), step(&self.journal, call, seq + 1));
        for field in ["/step/source", "/step/event/body", "/step/event/request", "/step/event/switch_at"] {
            let one = self.journal[first].pointer(field).unwrap().clone();
            let two = std::mem::replace(self.journal[second].pointer_mut(field).unwrap(), one);
            *self.journal[first].pointer_mut(field).unwrap() = two;
        }
    }

    /// The record's first such line.
    pub fn line_of(&self, kind: &str, call: &str) -> usize {
        find(&self.record, &format!("`{kind}` of {call}"), line(kind, call))
    }

    /// The record's line of a request as received.
    pub fn request_of(&self, call: &str, request: u64) -> usize {
        let key = self.key(call, request);
        find(&self.record, &format!("request {request} of {call}"), |line| line["type"] == "request" && line["key"] == key)
    }

    /// The record's line of a treatment that began.
    pub fn treatment_of(&self, call: &str) -> usize {
        find(&self.record, call, |line| line["type"] == "hears" && line["interaction"] == call && line["heard"].get("treatment").is_some())
    }

    /// A field of a step.
    pub fn of_step(&mut self, call: &str, seq: u64, pointer: &str) -> &mut Value {
        let index = step(&self.journal, call, seq);
        self.journal[index]["step"].pointer_mut(pointer).unwrap()
    }
}
