//! The same for many files, on all processors. Starts threads.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::HostError;

/// Fewer than this are done one after the other: that takes less time than to start a thread.
const FEW: usize = 64;
/// More threads than this wait for the disk, not for a processor.
const MOST_THREADS: usize = 8;

/// How many threads are of use. To ask takes as long as reading a hundred files.
static THREADS: LazyLock<usize> =
    LazyLock::new(|| std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS));

/// Does the same for each; the results in the order of the items, or the first error in that order.
pub fn each<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> Result<R, HostError> + Sync,
) -> Result<Vec<R>, HostError> {
    each_unless_fewer(FEW, items, work)
}

/// The same; one after the other where there are fewer than `few`.
pub fn each_unless_fewer<T: Sync, R: Send>(
    few: usize,
    items: &[T],
    work: impl Fn(&T) -> Result<R, HostError> + Sync,
) -> Result<Vec<R>, HostError> {
    let threads = *THREADS;
    if threads < 2 || items.len() < few {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    // Some at a time: neighbours often lie in one directory, where two would wait for each other.
    let some = (items.len() / (8 * threads)).clamp(1, FEW);
    let take = || {
        let mut done = Vec::new();
        loop {
            let begin = next.fetch_add(some, Ordering::Relaxed);
            for (index, item) in items.iter().enumerate().skip(begin).take(some) {
                let result = work(item);
                let failed = result.is_err();
                done.push((index, result));
                if failed {
                    // Nobody begins another one: the error is what counts.
                    next.store(items.len(), Ordering::Relaxed);
                    return done;
                }
            }
            if begin >= items.len() {
                return done;
            }
        }
    };
    let mut all: Vec<(usize, Result<R, HostError>)> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(take)).collect();
        let mut all = take();
        for other in others {
            match other.join() {
                Ok(done) => all.extend(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    });
    all.sort_by_key(|(index, _)| *index);
    all.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items_and_an_error_ends_it() {
        for count in [0, 1, 63, 64, 5000] {
            let items: Vec<usize> = (0..count).collect();
            let doubled = each(&items, |item| Ok(item * 2)).unwrap();
            assert_eq!(doubled, items.iter().map(|item| item * 2).collect::<Vec<_>>());
            let failed = each(&items, |item| match item {
                62 => Err(HostError::refused("read", "62", "it is the one")),
                _ => Ok(*item),
            });
            assert_eq!(failed.is_err(), count > 62, "{count}");
        }
    }
}
