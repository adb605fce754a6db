//! Where documents are saved.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A folder. One that was made for temporary files is removed with its contents when this is
/// dropped, on every path, unless it was kept.
pub(crate) struct Folder {
    path: PathBuf,
    temporary: bool,
}

impl Folder {
    /// The one that the user named; it is made if it is not there.
    pub(crate) fn named(path: PathBuf) -> Result<Folder, String> {
        if fs::metadata(&path).is_ok_and(|found| !found.is_dir()) {
            return Err(format!(
                "{} is a file; --out wants a folder",
                path.display()
            ));
        }
        fs::create_dir_all(&path)
            .map_err(|error| format!("cannot make the folder {}: {error}", path.display()))?;
        Ok(Folder {
            path,
            temporary: false,
        })
    }

    /// A new one among the system's temporary files.
    pub(crate) fn fresh() -> Result<Folder, String> {
        let parent = std::env::temp_dir();
        for number in 0.. {
            let path = parent.join(format!("download-{}-{number}", std::process::id()));
            match fs::create_dir(&path) {
                Ok(()) => {
                    return Ok(Folder {
                        path,
                        temporary: true,
                    });
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(format!("cannot make {}: {error}", path.display())),
            }
        }
        unreachable!("one of the numbers is free")
    }

    /// From now on it stays.
    pub(crate) fn keep(&mut self) {
        self.temporary = false;
    }

    /// Whether it will be removed.
    pub(crate) fn is_temporary(&self) -> bool {
        self.temporary
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.temporary {
            // What cannot be removed is the system's to clean up.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Folder, fs};

    #[test]
    fn a_fresh_folder_goes_unless_it_is_kept() {
        let (gone, mut kept) = (Folder::fresh().unwrap(), Folder::fresh().unwrap());
        // The folder's name is free afterwards and another test may take it, so a file tells.
        let file = gone.path().join("of this test");
        fs::write(&file, "text").unwrap();
        kept.keep();
        let second = kept.path().to_owned();
        drop((gone, kept));
        assert!(!file.exists() && second.exists());
        fs::remove_dir(second).unwrap();
    }

    #[test]
    fn a_named_folder_is_made_and_a_file_is_refused() {
        let parent = Folder::fresh().unwrap();
        let inner = parent.path().join("a/b");
        drop(Folder::named(inner.clone()).unwrap());
        assert!(inner.is_dir());
        let file = inner.join("c");
        fs::write(&file, "text").unwrap();
        let message = Folder::named(file.clone()).err().unwrap();
        let expected = format!("{} is a file; --out wants a folder", file.display());
        assert_eq!(message, expected);
    }
}
