//! Data that travels with a call. Nobody hears of a change of their own: `done` is enough.

use std::collections::BTreeSet;

use tandem_words::{ErrorCode, EventBody, Failure, Property, RequestKey, UserDataChange};

use super::SimulatedSwitch;
use super::call::Call;

impl SimulatedSwitch {
    /// `user-data.attach` and `user-data.delete`.
    pub(super) fn change_data(&mut self, call: &mut Call, key: RequestKey, changed: Vec<Property>, deleted: Vec<String>) {
        let body = match self.changed_data(call, changed, deleted) {
            Ok(_) => EventBody::Done,
            Err(failure) => EventBody::Failed(failure),
        };
        self.outlet.answer(key, Some(&call.interaction.id), body);
    }

    /// An agent or a script changes it.
    pub(super) fn others_change_data(&mut self, call: &mut Call, changed: Vec<Property>, deleted: Vec<String>) -> Result<(), Failure> {
        let change = self.changed_data(call, changed, deleted)?;
        self.outlet.tell(&call.interaction.id, EventBody::UserDataChanged(change));
        Ok(())
    }

    fn changed_data(&self, call: &mut Call, changed: Vec<Property>, deleted: Vec<String>) -> Result<UserDataChange, Failure> {
        let limit = self.options.limits.user_data;
        let data = &call.interaction.user_data;
        let is_new = |property: &&Property| data.iter().all(|old| old.key != property.key || deleted.contains(&old.key));
        let new: BTreeSet<&str> = changed.iter().filter(is_new).map(|property| property.key.as_str()).collect();
        let left = data.iter().filter(|old| !deleted.contains(&old.key)).count();
        if left + new.len() > limit {
            let message = format!("more than {limit} keys of user data; raise `user_data` or attach fewer");
            return Err(Failure::new(ErrorCode::OverLimit, message));
        }
        Ok(call.change_user_data(changed, deleted))
    }
}
