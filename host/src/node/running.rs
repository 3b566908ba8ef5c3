//! A running instance, over its roles.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use tandem_words::InstanceName;

use super::{Instance, Status};

/// What the admin port and the signals hold on to: the instance in the role that it plays now. Cheap to clone.
#[derive(Clone, Default)]
pub struct Running(Arc<Shared>);

#[derive(Default)]
struct Shared {
    role: Mutex<Option<Instance>>,
    stopping: AtomicBool,
}

impl Running {
    /// It plays this role from now on.
    pub fn plays(&self, role: Instance) {
        let mut playing = self.0.role.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_stopping() {
            role.stop();
        }
        *playing = Some(role);
    }

    /// Ends it, whatever its role.
    pub fn stop(&self) {
        self.0.stopping.store(true, Ordering::SeqCst);
        if let Some(role) = self.role() {
            role.stop();
        }
    }

    /// Whether it was told to end.
    pub fn is_stopping(&self) -> bool {
        self.0.stopping.load(Ordering::SeqCst)
    }

    /// As [`Instance::standing`]. None: it has ended, or is changing its role.
    pub fn standing(&self) -> Option<Status> {
        self.role()?.standing()
    }

    /// As [`Instance::status`].
    pub fn status(&self) -> Option<Status> {
        self.role()?.status()
    }

    /// As [`Instance::hand_over`].
    pub fn hand_over(&self, force: bool) -> Result<InstanceName, String> {
        self.role().ok_or_else(|| "this instance is starting".to_owned())?.hand_over(force)
    }

    fn role(&self) -> Option<Instance> {
        self.0.role.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
