// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Wire

/// `loginward doctor`: what is wrong with how logins are seen, and the change that mends it.
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Say what is wrong with how logins are seen, and the exact change that mends it.",
        discussion:
            "Looks at the events of the last 30 to 60 minutes. Exit status 0 when nothing is wrong, 1 otherwise.")

    @OptionGroup var option: AdminOption
    @Flag(name: .long, help: "Print the whole report as JSON.")
    var json = false

    func run() throws {
        let answer = try option.ask("GET", "/api/v1/coverage")
        if json || answer.status != 200 {
            Terminal.write(answer.body, to: answer.status == 200 ? 1 : 2)
            if answer.status != 200 { throw ExitCode(ExitStatus.failure) }
            return
        }
        var values = NamedValues()
        do throws(ContentError) { try JSONReader.read(answer.body.span, into: &values) } catch {
            Terminal.error("loginward: the answer is no JSON")
            throw ExitCode(ExitStatus.failure)
        }
        let text = Self.describe(values)
        Terminal.write(Array(text.report.utf8), to: 1)
        if text.findings > 0 { throw ExitCode(ExitStatus.failure) }
    }

    static func describe(_ values: NamedValues) -> (report: String, findings: Int) {
        func field(_ name: String) -> String? {
            values.first(named: Array(name.utf8).span).map {
                String(decoding: values.arena[values.entries[$0].value.bounds], as: UTF8.self)
            }
        }
        var out = ""
        var routes = 0
        while let route = field("routes.\(routes).route") {
            let place = "routes.\(routes)."
            let counts = ["events", "successes", "failures", "unknown", "blocked"].map {
                "\(field(place + $0) ?? "0") \($0)"
            }
            out += "\(field(place + "service") ?? "") \(route): \(counts.joined(separator: ", "))\n"
            routes += 1
        }
        if routes == 0 { out += "no login was seen\n" }
        var findings = 0
        while let what = field("findings.\(findings).what") {
            let place = "findings.\(findings)."
            let names = [field(place + "service") ?? "", field(place + "route") ?? ""].filter { !$0.isEmpty }
            let change = (field(place + "change") ?? "").split(separator: "\n").joined(separator: "\n              ")
            out += "\n[\(field(place + "code") ?? "")] \(names.joined(separator: " ")): \(what)\n"
            out += "    evidence: \(field(place + "evidence") ?? "")\n    change:   \(change)\n"
            findings += 1
        }
        out += findings == 0 ? "nothing is wrong\n" : "\n\(findings) findings\n"
        if values.isIncomplete { out += "there is more: loginward doctor --json\n" }
        return (out, findings)
    }
}
