//! Blocks over as many messages as they need.

use serde_json::Value;

use super::Post;
use super::blocks::{MESSAGE_BLOCKS, MESSAGE_CHARS};

/// Messages of at most 50 blocks and [`MESSAGE_CHARS`] characters of JSON, in order. Every one carries the text for notifications.
pub fn pages(blocks: Vec<Value>, text: &str) -> Vec<Post> {
    let mut posts: Vec<Post> = Vec::new();
    let mut used = 0;
    for block in blocks {
        let size = block.to_string().chars().count();
        match posts.last_mut() {
            Some(post) if post.blocks.len() < MESSAGE_BLOCKS && used + size <= MESSAGE_CHARS => {
                post.blocks.push(block);
                used += size;
            }
            _ => {
                posts.push(Post {
                    text: text.to_owned(),
                    blocks: vec![block],
                });
                used = size;
            }
        }
    }
    posts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn blocks_are_spread_by_number_and_by_size_and_none_is_lost() {
        let small: Vec<Value> = (0..120).map(|_| json!({"type": "divider"})).collect();
        let counts = |blocks| -> Vec<usize> {
            pages(blocks, "t")
                .iter()
                .map(|post| post.blocks.len())
                .collect()
        };
        assert_eq!(counts(small), [50, 50, 20]);
        let large: Vec<Value> = (0..9)
            .map(|_| json!({"type": "section", "text": "x".repeat(2_950)}))
            .collect();
        assert_eq!(counts(large), [4, 4, 1]);
        assert_eq!(counts(vec![json!("x".repeat(20_000))]), [1]);
        assert!(counts(Vec::new()).is_empty());
    }
}
