//! Several operators on one fake machine: at each call one of them goes on, and all others wait.
//! No I/O.
//!
//! Each operator runs in a thread of its own, and yet what happens is the same in every run: who goes
//! on is chosen by the one that holds the turn.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::FakeHost;

/// Chooses who goes on, of those that are at work; is told who holds the turn, if anybody does.
pub type Chooser = Box<dyn FnMut(&BTreeSet<u32>, Option<u32>) -> u32 + Send>;

/// Whose turn it is.
pub(super) struct Turns {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    at_work: BTreeSet<u32>,
    holder: Option<u32>,
    choose: Chooser,
}

/// What one of several operators does on a machine.
pub type Operator<'o, T> = Box<dyn FnOnce(&FakeHost) -> T + Send + 'o>;

impl Turns {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the turn of an operator.
    fn wait(&self, mut state: MutexGuard<'_, State>, operator: u32) {
        while state.holder != Some(operator) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lets another one go on, where it is chosen.
    fn pass(&self, operator: u32) {
        let mut state = self.state();
        let next = state.choose(Some(operator));
        if next != operator {
            state.holder = Some(next);
            self.changed.notify_all();
            self.wait(state, operator);
        }
    }

    fn leave(&self, operator: u32) {
        let mut state = self.state();
        state.at_work.remove(&operator);
        state.holder = match state.at_work.is_empty() {
            true => None,
            false => Some(state.choose(None)),
        };
        self.changed.notify_all();
    }
}

impl State {
    fn choose(&mut self, holder: Option<u32>) -> u32 {
        let chosen = (self.choose)(&self.at_work, holder);
        match self.at_work.contains(&chosen) {
            true => chosen,
            false => holder.or(self.at_work.first().copied()).unwrap_or_default(),
        }
    }
}

/// The end of an operator's work, however it comes.
struct AtWork<'t> {
    turns: &'t Turns,
    operator: u32,
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.turns.leave(self.operator);
    }
}

impl FakeHost {
    /// The same machine as another process of ours uses it: that one can die alone.
    #[must_use]
    pub fn operator(&self, number: u32) -> FakeHost {
        FakeHost { operator: number, ..self.clone() }
    }

    /// Has operators work at once, each on its own view of the machine; what came of each, in their
    /// order. Before each call `choose` says whose turn it is.
    pub fn at_once<T: Send>(
        &self,
        operators: Vec<(u32, Operator<'_, T>)>,
        choose: Chooser,
    ) -> Vec<T> {
        let at_work = operators.iter().map(|(number, _)| *number).collect();
        let mut state = State { at_work, holder: None, choose };
        state.holder = (!state.at_work.is_empty()).then(|| state.choose(None));
        let turns = Arc::new(Turns { state: Mutex::new(state), changed: Condvar::new() });
        std::thread::scope(|scope| {
            let begun = operators.into_iter().map(|(operator, work)| {
                let turns = Arc::clone(&turns);
                let host = FakeHost { turns: Some(Arc::clone(&turns)), ..self.operator(operator) };
                scope.spawn(move || {
                    let _at_work = AtWork { turns: &turns, operator };
                    turns.wait(turns.state(), operator);
                    work(&host)
                })
            });
            let begun: Vec<_> = begun.collect();
            let ended = begun.into_iter().map(|one| match one.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            ended.collect()
        })
    }

    /// A call begins: another operator may go on first.
    pub(super) fn step(&self) {
        if let Some(turns) = &self.turns {
            turns.pass(self.operator);
        }
    }
}
