//! An initializer gives each worker a state of its own: a connection, a cache, a parser.
//!
//! When it fails, the pool is broken: what was queued hears why, and nothing more is taken.
//!
//! Output:
//! ```text
//! db_0 opened a connection
//! db_0 answered query 1: select 1
//! db_0 answered query 2: select 2
//! db_0 closed its connection
//! the task got: …no route to host…
//! afterwards: cannot submit, the executor is broken: …no route to host…
//! ```

use concurrent_futures::ThreadPoolExecutor;
use std::cell::Cell;
use std::error::Error;
use std::{io, thread};

/// Lives and dies in its worker, so it need be neither `Send` nor `Sync`.
struct Connection {
    queries: Cell<u32>,
}

impl Connection {
    fn open() -> io::Result<Connection> {
        println!("{} opened a connection", name());
        Ok(Connection {
            queries: Cell::new(0),
        })
    }

    fn query(&self, text: &str) -> String {
        self.queries.set(self.queries.get() + 1);
        format!("{} answered query {}: {text}", name(), self.queries.get())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        println!("{} closed its connection", name());
    }
}

fn name() -> String {
    thread::current().name().unwrap_or("unnamed").to_owned()
}

fn main() -> Result<(), Box<dyn Error>> {
    let pool = ThreadPoolExecutor::builder()
        .max_workers(2)
        .thread_name_prefix("db")
        .initializer(Connection::open)
        .build()?;
    // One after the other: the idle worker is used again, no second one is started.
    for n in 1..=2 {
        let future =
            pool.submit_with(move |connection| connection.query(&format!("select {n}")))?;
        println!("{}", future.result()?);
    }
    drop(pool);

    let pool = ThreadPoolExecutor::builder()
        .max_workers(1)
        .initializer(|| Err::<Connection, _>(io::Error::other("no route to host")))
        .build()?;
    // The first submit may be refused already, when the worker was quick to fail.
    let error: Box<dyn Error> = match pool.submit_with(|c| c.query("select 3")) {
        Ok(future) => future.result().expect_err("no worker ran it").into(),
        Err(refused) => refused.into(),
    };
    println!("the task got: {error}");
    let refused = pool.submit(|| 3).expect_err("the pool is broken");
    println!("afterwards: {refused}");
    Ok(())
}
