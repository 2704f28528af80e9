// SPDX-License-Identifier: Apache-2.0

import Config
import Glibc
import Rules
import Wire

/// Evaluates the rules of a configuration over many exchanges without a network: `loginward-evaluate CONFIGURATION [REPETITIONS] < EXCHANGES`.
/// An exchange is a request and the head of an answer, each a number of four bytes, big end first, and so many bytes. For each a line is
/// printed: the nanoseconds that the median of the repetitions took, and the ids of the rules that matched.
struct Evaluator {
    let ruleset: Ruleset
    private let scratch = EvaluationScratch()
    private var state = Evaluation()
    private var query = NamedValues()
    private var body = NamedValues()

    init(configuration path: String) {
        let environment = ReadingEnvironment(
            read: { path in
                contents(of: path).map { .success($0) } ?? .failure(FileTrouble("it cannot be read"))
            }, glob: { _ in [] }, variable: { _ in nil })
        let read = ConfigurationReader.read(path: path, environment)
        let compiled = RuleCompiler.compile(read.draft?.rules ?? [], services: [])
        for problem in read.problems + compiled.problems { fail("\(problem)") }
        guard let ruleset = compiled.ruleset else { fail("no rules") }
        self.ruleset = ruleset
        scratch.prepare(for: ruleset)
    }

    /// The matches of one exchange, in `state`.
    mutating func evaluate(_ request: [UInt8], _ answer: [UInt8]) {
        state.reset(for: ruleset)
        var head = RequestHead()
        var progress = HeadProgress()
        let bytes = request.span
        guard (try? HeadParser.parseRequest(bytes, limits: HeadLimits(), progress: &progress, into: &head)) == true
        else { fail("no request: \(String(decoding: request, as: UTF8.self))") }
        var path: [UInt8] = []
        RequestTarget.normalise(bytes.slice(head.path), into: &path)
        let content = bytes.extracting(head.length..<request.count)
        var type = bytes.extracting(0..<0)
        if let field = head.first(.contentType) { type = bytes.slice(head.fields[field].value) }
        body.reset()
        if ByteSearch.hasPrefixIgnoringCase(type, "application/json".utf8.span) {
            try? JSONReader.read(content, into: &body)
        } else if ByteSearch.hasPrefixIgnoringCase(type, "multipart/".utf8.span) {
            if let boundary = MultipartReader.boundary(ofContentType: type) {
                try? MultipartReader.read(content, boundary: type.slice(boundary), into: &body)
            }
        } else {
            FormReader.read(content, into: &body)
        }
        let facts = ExchangeFacts(
            client: IPAddress("203.0.113.7") ?? .loopback, peer: .loopback, isSecure: false, service: -1,
            unixSeconds: 1_800_000_000)
        _ = ruleset.inspectRequestHead(
            head, bytes, path: path.span, facts: facts, state: &state, scratch: scratch)
        _ = ruleset.inspectRequestBody(body, raw: content, facts: facts, state: &state, scratch: scratch)
        if answer.isEmpty { return }
        var response = ResponseHead()
        var responseProgress = HeadProgress()
        let answerBytes = answer.span
        guard
            (try? HeadParser.parseResponse(
                answerBytes, limits: HeadLimits(), progress: &responseProgress, into: &response)) == true
        else { fail("no answer") }
        _ = ruleset.inspectResponseHead(response, answerBytes, facts: facts, state: &state, scratch: scratch)
    }

    var matches: [String] {
        state.matches.map { String(decoding: ruleset.rule(at: Int($0)).id, as: UTF8.self) }
    }
}

struct Parts {
    let input: [UInt8]
    private var cursor = 0

    init(input: [UInt8]) { self.input = input }

    mutating func next() -> [UInt8]? {
        guard cursor + 4 <= input.count else { return nil }
        let count = input[cursor..<(cursor + 4)].reduce(0) { $0 << 8 | Int($1) }
        guard cursor + 4 + count <= input.count else { return nil }
        defer { cursor += 4 + count }
        return Array(input[(cursor + 4)..<(cursor + 4 + count)])
    }
}

func fail(_ text: String) -> Never {
    print("evaluate: \(text)")
    exit(1)
}

func contents(of path: String?) -> [UInt8]? {
    let descriptor = path.map { unsafe open($0, O_RDONLY | O_CLOEXEC) } ?? 0
    if descriptor < 0 { return nil }
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 1 << 20)
    while true {
        let count = unsafe read(descriptor, &block, block.count)
        if count <= 0 { return count < 0 ? nil : bytes }
        bytes += block[..<count]
    }
}

func nanoseconds() -> UInt64 {
    var time = timespec()
    _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

let words = CommandLine.arguments
guard words.count >= 2, let input = contents(of: nil) else { fail("a configuration is expected") }
let repetitions = words.count > 2 ? Int(words[2]) ?? 1 : 1
var evaluator = Evaluator(configuration: words[1])
var parts = Parts(input: input)

while let request = parts.next(), let answer = parts.next() {
    var times: [UInt64] = []
    for _ in 0..<repetitions {
        let start = nanoseconds()
        evaluator.evaluate(request, answer)
        times.append(nanoseconds() - start)
    }
    times.sort()
    print("\(times[times.count / 2]) \(evaluator.matches.joined(separator: " "))")
}
