//! Server-sent events out of a byte stream, as a browser reads them.

/// One frame, from its first line to the empty one.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Frame {
    pub id: Option<String>,
    pub event: String,
    pub data: String,
}

/// What has arrived and is not a whole frame yet.
#[derive(Debug, Default)]
pub struct Frames {
    rest: Vec<u8>,
}

impl Frames {
    /// Adds bytes, cut anywhere, and gives the frames that are whole now.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Frame> {
        self.rest.extend_from_slice(bytes);
        let mut frames = Vec::new();
        while let Some(end) = self.rest.windows(2).position(|pair| pair == b"\n\n") {
            let text: Vec<u8> = self.rest.drain(..end + 2).collect();
            let text = String::from_utf8(text).expect("frames are UTF-8");
            frames.push(Frame::parse(&text));
        }
        frames
    }
}

impl Frame {
    fn parse(text: &str) -> Self {
        let mut frame = Self::default();
        for line in text.lines() {
            let (name, value) = line.split_once(": ").unwrap_or((line, ""));
            match name {
                "id" => frame.id = Some(value.to_owned()),
                "event" => frame.event = value.to_owned(),
                "data" => frame.data.push_str(value),
                _ => {}
            }
        }
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_whole_wherever_the_bytes_are_cut() {
        let text =
            "retry: 2000\nid: c1\nevent: hello\ndata: {}\n\nevent: unread\ndata: {\"total\":1}\n\n";
        for cut in 0..text.len() {
            let mut frames = Frames::default();
            let (front, back) = text.as_bytes().split_at(cut);
            let mut got = frames.push(front);
            got.extend(frames.push(back));
            assert_eq!(got.len(), 2);
            assert_eq!(
                (got[0].id.as_deref(), &*got[0].event),
                (Some("c1"), "hello")
            );
            assert_eq!((&got[1].id, &*got[1].data), (&None, "{\"total\":1}"));
        }
    }
}
