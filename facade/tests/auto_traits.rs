//! What may be sent to and shared between threads is part of the interface, and easily lost.
#![cfg(not(cf_loom))]

use concurrent_futures::*;
use std::cell::Cell;
use std::error::Error;
use std::rc::Rc;

/// May be sent and not shared.
type OnlySend = Cell<u8>;

fn send<T: Send>() {}
fn sync<T: Send + Sync>() {}
fn error<T: Error + Send + Sync + 'static>() {}

#[test]
fn pools_and_handles_are_shared_whatever_their_workers_state() {
    sync::<ThreadPoolExecutor<Rc<u8>>>();
    sync::<ThreadPoolHandle<Rc<u8>>>();
    sync::<Scope<'_, '_>>();
    sync::<Builder>();
    sync::<AnyExecutor>();
}

#[cfg(all(feature = "process", target_os = "linux"))]
#[test]
fn process_pools_are_shared_and_their_errors_sent() {
    sync::<ProcessPoolExecutor>();
    sync::<ProcessPoolHandle>();
    send::<process::Builder>();
    error::<process::BuildError>();
    error::<process::ShutdownError>();
}

#[test]
fn futures_go_where_their_values_may() {
    send::<Future<OnlySend>>();
    send::<Promise<OnlySend>>();
    sync::<Future<u8>>();
    sync::<SharedFuture<u8>>();
    sync::<FutureHandle>();
}

#[test]
fn waiting_may_be_handed_to_another_thread() {
    send::<Map<'static, std::ops::Range<u8>, OnlySend>>();
    send::<AsCompleted<Future<OnlySend>>>();
    send::<AsCompletedTimeout<(String, Future<OnlySend>)>>();
    send::<FutureSet<Future<OnlySend>>>();
    sync::<FutureAdder<Future<OnlySend>>>();
}

#[test]
fn errors_are_boxed_and_sent_whatever_they_carry() {
    error::<TaskError>();
    error::<SubmitError<OnlySend>>();
    error::<TimeoutError<Future<OnlySend>>>();
    error::<InvalidStateError<OnlySend>>();
    error::<AddError<Future<OnlySend>>>();
    error::<ForEachError>();
    error::<BuildError>();
    error::<ShutdownError>();
    error::<PortableError>();
    error::<WorkerDied>();
    sync::<WaitError<&Future<u8>>>();
}
