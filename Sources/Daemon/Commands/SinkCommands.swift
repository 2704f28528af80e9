// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Config
import Shipping
import Wire

/// `loginward sink`: the collectors, one by one.
struct SinkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sink", abstract: "Look at the collectors, try one, or see what one refused.",
        subcommands: [SinkListCommand.self, SinkTestCommand.self, SinkPoisonCommand.self])
}

/// The configuration, and one of its collectors.
struct SinkOption: ParsableArguments {
    @Argument(help: "The collector's name.")
    var name: String
    @Option(name: [.short, .long], help: "The configuration file.")
    var config = "/etc/loginward/loginward.yaml"

    func find() throws -> (stateDirectory: String, sink: CollectorSettings) {
        let read = ConfigurationReader.read(path: config, FileAccess.environment)
        guard let configuration = read.configuration else {
            for problem in read.problems { Terminal.error(problem.description) }
            throw ExitCode(ExitStatus.configuration)
        }
        guard let sink = configuration.collectors.first(where: { $0.name == name }) else {
            let names = configuration.collectors.map(\.name).joined(separator: ", ")
            Terminal.error("loginward: \(config) names no collector \(name)\(names.isEmpty ? "" : ", but \(names)")")
            throw ExitCode(ExitStatus.failure)
        }
        return (configuration.stateDirectory, sink)
    }
}

/// `loginward sink list`: what the running daemon counted.
struct SinkListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Print every collector with its counts and last failure.")

    @OptionGroup var option: AdminOption

    func run() throws {
        let answer = try option.ask("GET", "/status")
        var values = NamedValues()
        do throws(ContentError) { try JSONReader.read(answer.body.span, into: &values) } catch {
            Terminal.error("loginward: the answer is no JSON")
            throw ExitCode(ExitStatus.failure)
        }
        let columns = ["name", "sent", "pending", "retried", "rejected", "dropped", "last_failure"]
        var rows = [columns.map { $0.uppercased() }]
        while let row = Self.row(values, rows.count - 1, columns) { rows.append(row) }
        let widths = columns.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        for row in rows {
            var line = ""
            for (column, text) in row.enumerated() {
                line +=
                    text + String(repeating: " ", count: column == row.count - 1 ? 0 : widths[column] - text.count + 2)
            }
            print(line)
        }
    }

    private static func row(_ values: NamedValues, _ number: Int, _ columns: [String]) -> [String]? {
        let fields = columns.map { SinkText.field("collectors.\(number).\($0)", of: values) }
        return fields[0] == nil ? nil : fields.map { SinkText.printable($0 ?? "") }
    }
}

/// `loginward sink test`: one marked event, past the spool and without a daemon.
struct SinkTestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test",
        abstract: "Send one marked event (\"loginward.test\") to a collector and print its answer.",
        discussion:
            "Sent by this process, with the configuration's URL, headers and certificates; the daemon need not run. "
            + "Exit status 0 when it was taken, 1 otherwise.")

    @OptionGroup var option: SinkOption

    func run() throws {
        let result = SinkProbe.send(to: SinkDescription(try option.find().sink))
        if result.status > 0 { print("status \(result.status)") }
        if !result.answer.isEmpty { print(SinkText.printable(String(decoding: result.answer, as: UTF8.self))) }
        print(result.outcome)
        if !result.isTaken { throw ExitCode(ExitStatus.failure) }
    }
}

/// `loginward sink poison`: what a collector refused for good.
struct SinkPoisonCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "poison",
        abstract: "Print the events that a collector refused for good, with its reasons, oldest first.")

    @OptionGroup var option: SinkOption
    @Flag(name: .long, help: "Print them as they are kept: {\"time\":…,\"reason\":…,\"event\":…}, one a line.")
    var json = false

    func run() throws {
        let (stateDirectory, sink) = try option.find()
        let lines: [[UInt8]]
        do throws(DiskFault) {
            lines = try RefusedFile.lines(directory: "\(stateDirectory)/spool", sink: sink.name)
        } catch {
            Terminal.error("loginward: \(error.description)")
            throw ExitCode(ExitStatus.permission)
        }
        if json {
            for line in lines { Terminal.write(line + [10], to: 1) }
            return
        }
        for line in lines { print(Self.describe(line)) }
        print(lines.isEmpty ? "\(sink.name) refused nothing" : "\(sink.name) refused \(lines.count) events")
    }

    private static func describe(_ line: [UInt8]) -> String {
        var values = NamedValues()
        do throws(ContentError) { try JSONReader.read(line.span, into: &values) } catch { return "a damaged line" }
        let fields = ["time", "reason", "event.id", "event.event", "event.usr.login"].map {
            SinkText.printable(SinkText.field($0, of: values) ?? "-")
        }
        return fields.joined(separator: "  ")
    }
}

/// Texts of others, for a terminal. Stateless.
private enum SinkText {
    static func field(_ name: String, of values: NamedValues) -> String? {
        values.first(named: name.utf8.span).map {
            String(decoding: values.arena[values.entries[$0].value.bounds], as: UTF8.self)
        }
    }

    static func printable(_ text: String) -> String {
        String(text.unicodeScalars.map { $0.value < 32 || $0.value == 127 ? "?" : Character($0) })
    }
}
