//! The table of a run in docs/performance.md.

use anyhow::{Context, Result};

use crate::workspace::Workspace;

const PAGE: &str = "docs/performance.md";
const BEGIN: &str = "<!-- the table of cargo xtask bench --publish -->\n";
const END: &str = "<!-- its end -->\n";

/// Puts `table` in the place of the one before.
pub(crate) fn publish(workspace: &Workspace, table: &str) -> Result<()> {
    let path = workspace.root.join(PAGE);
    let page = std::fs::read_to_string(&path).with_context(|| format!("reading {PAGE}"))?;
    let page = replaced(&page, table)?;
    std::fs::write(&path, page).with_context(|| format!("writing {PAGE}"))
}

fn replaced(page: &str, table: &str) -> Result<String> {
    let marks = || format!("{PAGE} has lost the marks around its table");
    let (before, rest) = page.split_once(BEGIN).with_context(marks)?;
    let (_, after) = rest.split_once(END).with_context(marks)?;
    Ok(format!("{before}{BEGIN}\n{table}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::{BEGIN, END, replaced};

    #[test]
    fn only_the_table_is_replaced() {
        let page = format!("before\n{BEGIN}old\n{END}after\n");
        let new = replaced(&page, "new\n").unwrap();
        assert_eq!(new, format!("before\n{BEGIN}\nnew\n\n{END}after\n"));
        assert!(replaced("no marks", "new").is_err());
    }
}
