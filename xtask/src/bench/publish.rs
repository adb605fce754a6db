//! The tables of runs in docs/performance.md.

use anyhow::{Context, Result};

use crate::workspace::Workspace;

const PAGE: &str = "docs/performance.md";
const END: &str = "<!-- its end -->\n";

/// Which run a table is of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// The thread pool's.
    Threads,
    /// The process pool's.
    Processes,
}

impl Place {
    /// What stands before the table.
    fn begin(self) -> &'static str {
        match self {
            Self::Threads => "<!-- the table of cargo xtask bench --publish -->\n",
            Self::Processes => "<!-- the tables of cargo xtask bench process --publish -->\n",
        }
    }
}

/// Puts `table` in the place of the one before.
pub(crate) fn publish(workspace: &Workspace, place: Place, table: &str) -> Result<()> {
    let path = workspace.root.join(PAGE);
    let page = std::fs::read_to_string(&path).with_context(|| format!("reading {PAGE}"))?;
    let page = replaced(&page, place, table)?;
    std::fs::write(&path, page).with_context(|| format!("writing {PAGE}"))
}

fn replaced(page: &str, place: Place, table: &str) -> Result<String> {
    let begin = place.begin();
    let marks = || format!("{PAGE} has lost the marks around its table: {begin}");
    let (before, rest) = page.split_once(begin).with_context(marks)?;
    let (_, after) = rest.split_once(END).with_context(marks)?;
    Ok(format!("{before}{begin}\n{table}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::{END, Place, replaced};

    #[test]
    fn only_its_own_table_is_replaced() {
        let (threads, processes) = (Place::Threads.begin(), Place::Processes.begin());
        let page = format!("before\n{threads}old\n{END}between\n{processes}\nold\n\n{END}after\n");
        let new = replaced(&page, Place::Threads, "new\n").unwrap();
        assert_eq!(
            new,
            format!("before\n{threads}\nnew\n\n{END}between\n{processes}\nold\n\n{END}after\n")
        );
        let back = replaced(&new, Place::Processes, "new").unwrap();
        assert!(back.ends_with(&format!("between\n{processes}\nnew\n{END}after\n")));
        assert!(replaced("no marks", Place::Threads, "new").is_err());
    }
}
