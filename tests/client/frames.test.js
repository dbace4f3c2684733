// The frames of a stream, by the cases of WPT's eventsource/format-* and cut at every byte.
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeReader as reader } from "../../web/client/http.js";

const bytes = (text) => new TextEncoder().encode(text);
const all = (text) => reader()(bytes(text));
const data = (text) => all(text).map((frame) => frame.data);

// What WPT's eventsource/format-* tests hold, in our own words.
const CASES = [
  ["a byte order mark is dropped at the start, and nowhere else", "\ufeffdata:1\n\n\ufeffdata:2\n\ndata:3\n\n", ["1", "3"]],
  ["of two byte order marks the second stays", "\ufeff\ufeffdata:1\n\ndata:2\n\ndata:3\n\n", ["2", "3"]],
  ["comments of any length are nothing", `data:1\r:\0\n:\r\ndata:2\n:${"x".repeat(2048)}\rdata:3\n:data:fail\r:${"x".repeat(2048)}\ndata:4\n\n`, ["1\n2\n3\n4"]],
  ["what no empty line ends is never handed out", "retry:1000\ndata:test1\n\nid:test\ndata:test2", ["test1"]],
  ["empty data is handed out, no data is not", "data:\n\ndata\ndata\n\ndata:test\n\n:only a comment\n\n", ["", "\n", "test"]],
  ["fields are exact: case, NUL, hyphens and spaces count", "data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\ndata:3\rdata:\r\n data:32\ndata:4\n\n", ["\0\n 2\n1\n3\n\n4"]],
  ["one leading space goes, a tab and a second space stay", "data:\ttest\rdata: \ndata:test\n\n", ["\ttest\n\ntest"]],
  ["CR, LF and CRLF end lines in any mixture", "data:test\r\ndata\ndata:test\r\n\r", ["test\n\ntest"]],
  ["unknown fields are nothing", "data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\n\n", ["test\n"]],
  ["a NUL in data is data", "data:\0\n\n", ["\0"]],
  ["text is UTF-8", "data:ok…\n\n", ["ok…"]],
];
for (const [name, text, expected] of CASES) test(name, () => assert.deepEqual(data(text), expected));

test("an event has the type it names, for itself only; an empty one is a message", () => {
  assert.deepEqual(all("event:test\ndata:x\n\ndata:y\n\nevent: \ndata:z\n\n").map(({ type }) => type), ["test", "message", "message"]);
  assert.deepEqual(all("event:lost\n\ndata:x\n\n").map(({ type }) => type), ["message"]);
});

test("an id stays until there is another, and an empty one resets it", () => {
  const ids = (text) => all(text).map(({ id }) => id);
  assert.deepEqual(ids("id: 1\ndata:1\n\ndata:2\n\nid: 2\ndata:3\n\ndata:4\n\n"), ["1", "1", "2", "2"]);
  assert.deepEqual(ids("id: 1\ndata:1\n\nid:\ndata:2\n\ndata:3\n\n"), ["1", "", ""]);
  assert.deepEqual(ids("id: 1\ndata:1\n\nid\ndata:2\n\ndata:3\n\n"), ["1", "", ""]);
  assert.deepEqual(ids("id:…\ndata:1\n\n"), ["…"]);
  assert.deepEqual(ids("id: 7\n\ndata:1\n\n"), ["7"]);
});

for (const id of ["\0\0", "x\0", "\0x", "x\0x", " \0"]) {
  test(`an id with a NUL is ignored: ${JSON.stringify(id)}`, () => assert.deepEqual(all(`id:${id}\ndata:x\n\n`).map((frame) => frame.id), [""]));
}

test("retry is digits only", () => {
  const retry = (text) => all(`${text}\ndata:x\n\n`)[0].retry;
  assert.equal(retry("retry:3000"), 3000);
  assert.equal(retry("retry:3000\nretry:1000x"), 3000);
  assert.equal(retry("retry:3000\nretry"), 3000);
  assert.equal(retry("retry:3000\nretry:"), 3000);
  assert.equal(retry("retry:3000\nretry:-1"), 3000);
});

test("bytes that are no UTF-8 are replaced, and nothing is thrown", () => {
  assert.equal(reader()(Uint8Array.of(...bytes("data:"), 0xff, ...bytes("\n\n")))[0].data, "\ufffd");
});

for (const [name, end] of [["LF", "\n"], ["CRLF", "\r\n"], ["CR", "\r"]]) {
  test(`a stream of 50 events with ${name}, cut at every byte: none lost, none twice`, () => {
    const lines = ["\ufeffretry: 2000", "id: k0", "event: hello", "data: {}", ""];
    for (let n = 1; n <= 50; n++) lines.push(`id: k${n}`, "event: message.created", `data: {"text":"été ${n} 🐚"}`, "", ...(n % 7 ? [] : [": a comment", ""]));
    const whole = bytes(lines.join(end) + end);
    const expected = reader()(whole);
    assert.equal(expected.length, 51);
    assert.equal(expected[50].data, `{"text":"été 50 🐚"}`);
    for (let at = 0; at <= whole.length; at++) {
      const read = reader();
      assert.deepEqual([...read(whole.subarray(0, at)), ...read(whole.subarray(at))], expected, `cut at ${at}`);
    }
  });
}

test("the same, byte by byte", () => {
  const whole = bytes("\ufeffid: 1\r\ndata: é🐚\r\n\r\ndata: 2\r\rdata: 3\n\n");
  const read = reader();
  assert.deepEqual([...whole].flatMap((byte) => read(Uint8Array.of(byte))).map((frame) => frame.data), ["é🐚", "2", "3"]);
});
