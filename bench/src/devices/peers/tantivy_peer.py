"""Tantivy in this process, over the devices and keystrokes of two NDJSON files.

Arguments: devices file, keystrokes file. Prints one JSON line when the index stands; then for each line "N" on standard
input it searches for about N seconds and prints one JSON line with the latencies in milliseconds.
"""

import json
import re
import resource
import sys
import time

import tantivy

LONGEST_PREFIX = 20
words_of = re.compile(r"[^\W_]+", re.UNICODE)


def words(text):
    return words_of.findall(text.lower())


def build(path):
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("id", stored=True)
    builder.add_text_field("prefixes", tokenizer_name="whitespace", index_option="freq")
    for name in ("capability", "model", "group"):
        builder.add_text_field(name, tokenizer_name="raw", fast=True, index_option="basic")
    index = tantivy.Index(builder.build())
    writer = index.writer(512_000_000, 1)
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            device = json.loads(line)
            prefixes = []
            for word in words(f'{device["id"]} {device["label"]} {device["model"]}'):
                prefixes.extend(word[:end] for end in range(1, min(len(word), LONGEST_PREFIX) + 1))
            document = tantivy.Document(id=device["id"], prefixes=" ".join(prefixes), model=device["model"])
            for capability in device["capabilities"]:
                document.add_text("capability", capability)
            if device.get("group"):
                document.add_text("group", device["group"])
            writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    return index


def term(index, field, value):
    return tantivy.Query.term_query(index.schema, field, value, index_option="basic" if field != "prefixes" else "freq")


def query_of(index, keystroke):
    must, should = tantivy.Occur.Must, tantivy.Occur.Should
    clauses = [(must, term(index, "prefixes", word)) for word in words(keystroke["q"])]
    features = [term(index, "capability", feature) for feature in keystroke["feature"]]
    if keystroke["match"] == "any" and features:
        clauses.append((must, tantivy.Query.boolean_query([(should, feature) for feature in features])))
    else:
        clauses.extend((must, feature) for feature in features)
    return tantivy.Query.boolean_query(clauses) if clauses else tantivy.Query.all_query()


COUNTS = {
    name: {"terms": {"field": name, "size": size}}
    for name, size in (("capability", 8), ("model", 100), ("group", 100))
}


def main():
    started = time.monotonic()
    index = build(sys.argv[1])
    searcher = index.searcher()
    with open(sys.argv[2], encoding="utf-8") as lines:
        queries = [query_of(index, json.loads(line)) for line in lines]
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"devices": searcher.num_docs, "buildSeconds": time.monotonic() - started, "rssBytes": rss}), flush=True)
    at = 0
    for line in sys.stdin:
        end = time.monotonic() + float(line)
        latencies, totals = [], 0
        cpu = time.process_time()
        while time.monotonic() < end:
            query = queries[at % len(queries)]
            at += 1
            begun = time.perf_counter()
            found = searcher.search(query, 20, count=True)
            searcher.aggregate(query, COUNTS)
            latencies.append((time.perf_counter() - begun) * 1000)
            totals += found.count
        print(json.dumps({"latenciesMs": latencies, "cpuMicroseconds": (time.process_time() - cpu) * 1e6, "totals": totals}), flush=True)


main()
