/** Server-sent events from bytes cut anywhere, by the rules of WHATWG's EventSource: to be given one chunk after the other. */
export const reader = () => {
  // It drops one BOM, keeps half a character for the next chunk, and never throws.
  const decoder = new TextDecoder();
  let rest = "", type = "", id = "", retry = 0, data = new Array(), afterCr = false;

  const read = (line = "") => {
    if (!line) {
      const frame = { type: type || "message", data: data.join("\n"), id, retry }, isEmpty = !data.length;
      type = "";
      data = [];
      return isEmpty ? [] : frame;
    }
    const [, field, value = ""] = /^([^:]*):? ?([^]*)/.exec(line) ?? [];
    if (field === "data") data.push(value);
    if (field === "event") type = value;
    if (field === "id" && !value.includes("\0")) id = value;
    if (field === "retry" && /^\d+$/.test(value)) retry = +value;
    return [];
  };

  return (bytes = new Uint8Array()) => {
    let text = decoder.decode(bytes, { stream: true });
    // The other half of a CRLF.
    if (afterCr) text = text.replace(/^\n/, "");
    afterCr = text.endsWith("\r");
    const lines = (rest + text).split(/\r\n?|\n/);
    rest = lines.pop() ?? "";
    return lines.flatMap(read);
  };
};
