// SPDX-License-Identifier: Apache-2.0

/// The demo's users, sessions and pages. Confined to the queue of the server that owns it.
final class IdentityProvider {
    struct User {
        let name: String
        let password: String
        let id: String
    }

    static let users = [
        User(name: "alice", password: "wonderland", id: "u-1001"),
        User(name: "bob", password: "builder", id: "u-1002"),
        User(name: "carol", password: "christmas", id: "u-1003"),
    ]

    /// Sessions by token, the oldest first in `order`; bounded, because this service is also a target of load tests.
    private var sessions: [String: User] = [:]
    private var order: [String] = []
    private static let mostSessions = 10_000

    func answer(_ request: Request) -> Response {
        switch (request.method, request.path) {
        case ("GET", "/"), ("HEAD", "/"): .redirect(to: "/login")
        case ("GET", "/login"), ("HEAD", "/login"): .page(200, "Log in", Self.form)
        case ("POST", "/login"): login(request, isAPI: request.isJSON)
        case ("POST", "/api/login"): login(request, isAPI: true)
        case ("GET", "/account"), ("HEAD", "/account"): account(request)
        case ("GET", "/logout"), ("POST", "/logout"): logout(request)
        case ("GET", "/health"), ("HEAD", "/health"): .text(200, "ok")
        case ("GET", "/slow"): slow(request)
        case (_, "/login"), (_, "/api/login"), (_, "/account"): .text(405, "method not allowed")
        default: .text(404, "not found")
        }
    }

    private static let form = """
        <form method="post" action="/login">
        <label>Name <input name="username" autocomplete="username" autofocus></label>
        <label>Password <input name="password" type="password" autocomplete="current-password"></label>
        <button>Log in</button></form>
        """

    private func login(_ request: Request, isAPI: Bool) -> Response {
        guard let (name, password) = request.credentials else {
            return refuse(400, "name and password are needed", isAPI)
        }
        guard let user = Self.users.first(where: { $0.name == name }) else { return refuse(401, "no such user", isAPI) }
        guard user.password == password else { return refuse(401, "wrong password", isAPI) }
        let token = open(for: user)
        let response: Response = isAPI ? .json(200, ["user": user.name, "id": user.id]) : .redirect(to: "/account")
        return response.with("Set-Cookie", "session=\(token); Path=/; HttpOnly; SameSite=Lax").with(
            "X-User-ID", user.id)
    }

    private func refuse(_ status: Int, _ reason: String, _ isAPI: Bool) -> Response {
        isAPI
            ? .json(status, ["error": reason]) : .page(status, "Log in", "<p role=\"alert\">\(reason)</p>" + Self.form)
    }

    private func open(for user: User) -> String {
        let token =
            String(UInt64.random(in: .min ... .max), radix: 36) + String(UInt64.random(in: .min ... .max), radix: 36)
        if order.count == Self.mostSessions { sessions[order.removeFirst()] = nil }
        order.append(token)
        sessions[token] = user
        return token
    }

    private func account(_ request: Request) -> Response {
        guard let token = request.cookie("session"), let user = sessions[token] else { return .redirect(to: "/login") }
        return .page(200, "Hello, \(user.name)", "<p>You are logged in.</p><p><a href=\"/logout\">Log out</a></p>")
    }

    private func logout(_ request: Request) -> Response {
        if let token = request.cookie("session") {
            sessions[token] = nil
            order.removeAll { $0 == token }
        }
        return .redirect(to: "/login").with("Set-Cookie", "session=; Path=/; Max-Age=0")
    }

    private func slow(_ request: Request) -> Response {
        var response = Response.text(200, "at last")
        response.delay = min(max(Double(request.query["seconds"] ?? "") ?? 2, 0), 30)
        return response
    }
}
