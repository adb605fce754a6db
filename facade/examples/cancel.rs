//! Cancelling a task that is finished, one that is running, one that is pending.
//!
//! Output:
//! ```text
//! finished: cancel() gives false, cancelled() is false
//! running:  cancel() gives false, cancelled() is false
//! pending:  cancel() gives true, cancelled() is true
//! pending:  cancel() gives true, cancelled() is true
//! ```

use concurrent_futures::ThreadPoolExecutor;
use std::error::Error;
use std::sync::mpsc::channel;

fn main() -> Result<(), Box<dyn Error>> {
    let pool = ThreadPoolExecutor::new(1)?;

    let finished = pool.submit(|| ())?;
    finished.wait()?;

    let (started, has_started) = channel();
    let (open, gate) = channel::<()>();
    let running = pool.submit(move || {
        started.send(()).expect("main waits for it");
        gate.recv()
    })?;
    has_started.recv()?;
    let pending = pool.submit(|| unreachable!("it never starts"))?;

    let show = |name, cancel, cancelled| {
        println!("{name:<9} cancel() gives {cancel}, cancelled() is {cancelled}");
    };
    show("finished:", finished.cancel(), finished.cancelled());
    show("running:", running.cancel(), running.cancelled());
    show("pending:", pending.cancel(), pending.cancelled());
    // Once more: it stays cancelled.
    show("pending:", pending.cancel(), pending.cancelled());

    open.send(())?;
    running.result()??;
    let _: Result<(), _> = pending.result();
    Ok(())
}
