"""Writes a scenario as the replay command reads it, and keeps what only the judge may know."""
from array import array

from population import EPOCH


class Recording:
    """The lines of one scenario, by number: whose they are, when, what the service would answer. Owned by one run of the judge."""

    def __init__(self):
        self.label, self.success, self.time = bytearray(), bytearray(), array("d")
        self.address, self.login, self.uid, self.exists, self.token, self.agent = [], [], [], bytearray(), [], []

    def __len__(self):
        return len(self.label)


def write(scenario, file, service=None, path="/login"):
    """Writes all events in time order. Returns the recording."""
    population, tokens, place = scenario.population, scenario.tokens, scenario.place
    events = sorted(population.events, key=lambda event: event[0])
    recording, lines, tls = Recording(), [], population.tls
    route = f',"service":"{service}","route":"login"' if service else ""
    for time, address, client, length, cookie, login, uid, exists, success, token, label, where in events:
        if place:
            service, name, where = place(label, login)
            route = f',"service":"{service}","route":"{name}"'
        recording.label.append(label)
        recording.success.append(success)
        recording.exists.append(exists)
        recording.time.append(EPOCH + time)
        recording.address.append(address)
        recording.login.append(login)
        recording.uid.append(uid)
        recording.token.append(token)
        recording.agent.append(client.agent)
        known = f',"id":"{uid}"' if uid and success else ""
        lines.append(
            f'{{"time":{EPOCH + time:.3f},"client_ip":"{address}","method":"POST","path":"{where or path}","headers":{client.headers(length, cookie)},'
            f'"usr":{{"login":"{login}"{known},"exists":{"true" if exists else "false"}}},"outcome":"{"success" if success else "failure"}"'
            f'{f""","ja4":"{client.ja4}" """ if tls else ""}{f""","password_token":"{token}" """ if tokens else ""}{route}}}\n')
        if len(lines) > 20_000:
            file.writelines(lines)
            lines.clear()
    file.writelines(lines)
    return recording


def write_history(rows, file):
    """Earlier successes, for the known-good memory."""
    count = 0
    for login, address, device in rows:
        known = f',"device":"{device}"' if device else ""
        file.write(f'{{"time":{EPOCH - 86_400 * (1 + count % 29):.0f},"usr":{{"login":"{login}"}},"client_ip":"{address}"{known}}}\n')
        count += 1
    return count
