//! What a stream is about to write: frames, one after the other, and how much of them its connection has taken.

use tokio::io::ReadBuf;

/// Bytes handed to the connection at once; each idle stream keeps a buffer of this size.
pub const CHUNK: usize = 8 * 1024;

/// What stands after each frame, and in none of them.
const END: &[u8] = b"\n\n";

/// Whole frames. Filled again once all of it is taken.
#[derive(Debug, Default)]
pub struct Chunk {
    bytes: Vec<u8>,
    taken: usize,
}

impl Chunk {
    pub fn put(&mut self, bytes: impl AsRef<[u8]>) {
        self.bytes.extend_from_slice(bytes.as_ref());
    }

    /// Hands on as much as there is room for; false when nothing is left.
    pub fn hand_to(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let rest = &self.bytes[self.taken..];
        if rest.is_empty() {
            self.bytes.clear();
            // A burst must not leave every stream with a buffer of its size.
            self.bytes.shrink_to(CHUNK);
            self.taken = 0;
            return false;
        }
        let n = rest.len().min(buffer.remaining());
        buffer.put_slice(&rest[..n]);
        self.taken += n;
        true
    }

    /// Keeps the rest of the frame that is being written, and nothing after it.
    pub fn cut(&mut self) {
        // From the end of what was taken: it may be the end of a frame, or the middle of one's end.
        let near = self.taken.saturating_sub(END.len());
        let end = self.bytes[near..]
            .windows(END.len())
            .position(|two| two == END);
        let end = match end {
            Some(end) if self.taken > 0 => near + end + END.len(),
            _ => self.taken,
        };
        self.bytes.truncate(end);
        self.bytes.drain(..self.taken);
        self.bytes.shrink_to_fit();
        self.taken = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_leaves_whole_frames_wherever_it_falls() {
        const FRAMES: &[u8] = b"a: 1\n\nb: 2\n\nc: 3\n\n";
        for taken in 0..=FRAMES.len() {
            let mut chunk = Chunk::default();
            chunk.put(FRAMES);
            let mut written = vec![0; taken];
            chunk.hand_to(&mut ReadBuf::new(&mut written));
            chunk.cut();
            written.extend_from_slice(&chunk.bytes);
            let whole = taken.div_ceil(6) * 6;
            assert_eq!(written, &FRAMES[..whole], "{taken}");
        }
    }
}
