//! The name of one ordered set of rows.

/// One ordered set of rows, written by one view.
///
/// Names are unique in a service; by custom they begin with the view's: `Tree::named("worklist/by-due")`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tree(&'static str);

impl Tree {
    /// The tree of this name.
    #[must_use]
    pub const fn named(name: &'static str) -> Self {
        Self(name)
    }

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0
    }
}

/// Ledgers that could not be followed any further: kept beside the views' own trees, in every store.
pub(crate) const HALTED: Tree = Tree::named("halted");

/// The trees of one store, numbered in the order they were declared. The numbers begin the stored keys, so they are
/// part of the store's fingerprint.
#[derive(Debug, Clone)]
pub(crate) struct Trees(Vec<Tree>);

/// What is wrong with the declared trees of a service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// Two views would write the same rows.
    #[error("two views of this service declare the tree {0}")]
    Twice(&'static str),
    /// A tree number is one byte.
    #[error("a service has at most {MAX_TREES} trees")]
    TooMany,
}

/// One byte numbers the trees; the number 0 is the checkpoint's.
const MAX_TREES: usize = 200;

impl Trees {
    /// Numbers the trees that views declare.
    pub(crate) fn of(declared: impl IntoIterator<Item = Tree>) -> Result<Self, TreeError> {
        let mut trees = vec![HALTED];
        for tree in declared {
            if trees.contains(&tree) {
                return Err(TreeError::Twice(tree.name()));
            }
            trees.push(tree);
        }
        if trees.len() > MAX_TREES { Err(TreeError::TooMany) } else { Ok(Self(trees)) }
    }

    /// The byte that begins the stored keys of `tree`; `None` if no view declared it.
    pub(crate) fn number(&self, tree: Tree) -> Option<u8> {
        let index = self.0.iter().position(|known| *known == tree)?;
        u8::try_from(index + 1).ok()
    }

    /// The tree whose stored keys begin with `number`.
    pub(crate) fn numbered(&self, number: u8) -> Option<Tree> {
        self.0.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// Every tree, in the order of their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Tree> {
        self.0.iter().copied()
    }
}
