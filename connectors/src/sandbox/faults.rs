//! Faults on request: what partner systems do on their bad days.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Deserialize;

use super::System;

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// An answer with this status and the system's own error body.
    Status {
        /// The status code.
        code: u16,
        /// Seconds for a `Retry-After` header.
        #[serde(default)]
        retry_after: Option<u32>,
    },
    /// A page of HTML with status 200, as a proxy or a login page gives.
    HtmlPage,
    /// A well-formed answer that is at least so many bytes long, sent without a content length.
    OversizedBody {
        /// Least length.
        bytes: u64,
    },
    /// The first half of the right answer, as if it were all.
    TruncatedJson,
    /// The first half of the right answer, and then the connection breaks.
    BrokenConnection,
    /// The right answer, so many milliseconds late.
    Slow {
        /// Milliseconds.
        millis: u64,
    },
    /// No answer at all, for as long as the sandbox runs.
    Stall,
    /// What was asked for is done, and its answer never comes, for as long as the sandbox runs.
    Withheld,
    /// The token is refused: `invalid_token` from a system, `invalid_client` from the token endpoint.
    Refused,
    /// Every page is answered with the first page: a reader that follows it never ends.
    SamePage,
    /// The directory ignores `full=true` and gives short records in lists, as some do.
    IgnoresFull,
    /// The register's files lack this column.
    MissingColumn {
        /// The column's name, in the newer dialect.
        column: String,
    },
}

/// Whom a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The token endpoint.
    Token,
    /// The register.
    Duo,
    /// The school administration.
    Boards,
    /// The housing allocation.
    Housing,
    /// The directory.
    Partners,
    /// The workshops.
    Workshops,
}

impl From<System> for Target {
    fn from(system: System) -> Self {
        match system {
            System::Duo => Self::Duo,
            System::Boards => Self::Boards,
            System::Housing => Self::Housing,
            System::Partners => Self::Partners,
            System::Workshops => Self::Workshops,
        }
    }
}

/// When a fault strikes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct FaultPlan {
    /// What goes wrong.
    pub fault: Fault,
    /// Whom it strikes; `None`: every system, and not the token endpoint.
    #[serde(default)]
    pub target: Option<Target>,
    /// How many requests pass before it starts.
    #[serde(default)]
    pub after: u32,
    /// How many requests it strikes; `None`: until it is cleared.
    #[serde(default)]
    pub times: Option<u32>,
    /// It strikes only requests whose path contains this.
    #[serde(default)]
    pub path: Option<String>,
}

impl Fault {
    /// Strikes until it is cleared.
    #[must_use]
    pub const fn always(self) -> FaultPlan {
        FaultPlan { fault: self, target: None, after: 0, times: None, path: None }
    }

    /// Strikes the next so many requests.
    #[must_use]
    pub const fn times(self, times: u32) -> FaultPlan {
        FaultPlan { fault: self, target: None, after: 0, times: Some(times), path: None }
    }
}

impl FaultPlan {
    /// Strikes only this system, or the token endpoint.
    #[must_use]
    pub fn at(mut self, target: impl Into<Target>) -> Self {
        self.target = Some(target.into());
        self
    }

    /// Lets so many requests pass first.
    #[must_use]
    pub const fn after(mut self, requests: u32) -> Self {
        self.after = requests;
        self
    }

    /// Strikes only requests whose path contains this.
    #[must_use]
    pub fn on(mut self, path: &str) -> Self {
        self.path = Some(path.to_owned());
        self
    }
}

impl From<Fault> for FaultPlan {
    fn from(fault: Fault) -> Self {
        fault.always()
    }
}

/// The faults that are planned.
#[derive(Default)]
pub(crate) struct Faults(Mutex<Vec<FaultPlan>>);

impl Faults {
    fn plans(&self) -> MutexGuard<'_, Vec<FaultPlan>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, plan: FaultPlan) {
        self.plans().push(plan);
    }

    pub(crate) fn clear(&self) {
        self.plans().clear();
    }

    pub(crate) fn count(&self) -> usize {
        self.plans().len()
    }

    /// What strikes this request: the first plan that is due.
    pub(crate) fn strike(&self, target: Target, path: &str) -> Option<Fault> {
        let mut plans = self.plans();
        let mut struck = None;
        for plan in plans.iter_mut() {
            let aimed = plan.target.map_or(target != Target::Token, |aimed| aimed == target);
            if !aimed || plan.path.as_ref().is_some_and(|part| !path.contains(part.as_str())) {
                continue;
            }
            if plan.after > 0 {
                plan.after -= 1;
                continue;
            }
            match &mut plan.times {
                Some(0) => continue,
                Some(left) => *left -= 1,
                None => {}
            }
            struck = Some(plan.fault.clone());
            break;
        }
        plans.retain(|plan| plan.times != Some(0));
        struck
    }
}

impl Fault {
    /// How late the answer comes.
    pub(crate) const fn delay(&self) -> Option<Duration> {
        match self {
            Self::Slow { millis } => Some(Duration::from_millis(*millis)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_waits_strikes_and_ends() {
        let faults = Faults::default();
        faults.add(Fault::HtmlPage.times(2).after(1).at(System::Boards).on("/needs"));
        let strike = |path| faults.strike(Target::Boards, path).is_some();
        assert!(faults.strike(Target::Duo, "/needs").is_none());
        assert!(!strike("/orgs"));
        assert!(!strike("/needs"));
        assert!(strike("/needs"));
        assert!(!strike("/orgs"));
        assert!(strike("/needs"));
        assert!(!strike("/needs"));
        assert_eq!(faults.count(), 0);
    }

    #[test]
    fn a_fault_without_a_target_spares_the_token_endpoint() {
        let faults = Faults::default();
        faults.add(Fault::HtmlPage.always());
        assert!(faults.strike(Target::Token, "/oauth/token").is_none());
        assert!(faults.strike(Target::Housing, "/publicaties").is_some());
    }
}
