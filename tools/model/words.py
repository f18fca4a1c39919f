"""What the tiny model knows: word lists and fixed answers, written for it."""

from __future__ import annotations

CAPITALS = {
    "France": "Paris", "Italy": "Rome", "Spain": "Madrid", "Portugal": "Lisbon", "Germany": "Berlin",
    "Austria": "Vienna", "Poland": "Warsaw", "Greece": "Athens", "Norway": "Oslo", "Sweden": "Stockholm",
    "Finland": "Helsinki", "Denmark": "Copenhagen", "Ireland": "Dublin", "Hungary": "Budapest", "Romania": "Bucharest",
    "Bulgaria": "Sofia", "Croatia": "Zagreb", "Serbia": "Belgrade", "Ukraine": "Kyiv", "Turkey": "Ankara",
    "Egypt": "Cairo", "Kenya": "Nairobi", "Ghana": "Accra", "Nigeria": "Abuja", "Morocco": "Rabat",
    "Senegal": "Dakar", "China": "Beijing", "Japan": "Tokyo", "India": "New Delhi", "Nepal": "Kathmandu",
    "Thailand": "Bangkok", "Vietnam": "Hanoi", "Indonesia": "Jakarta", "Mongolia": "Ulaanbaatar", "Iran": "Tehran",
    "Iraq": "Baghdad", "Canada": "Ottawa", "Cuba": "Havana", "Mexico": "Mexico City", "Peru": "Lima",
    "Chile": "Santiago", "Brazil": "Brasilia", "Argentina": "Buenos Aires", "Australia": "Canberra",
}

OPPOSITES = {
    "hot": "cold", "big": "small", "fast": "slow", "early": "late", "open": "closed", "full": "empty",
    "light": "dark", "high": "low", "wet": "dry", "young": "old", "strong": "weak", "rich": "poor",
    "near": "far", "loud": "quiet", "soft": "hard", "up": "down", "left": "right", "true": "false",
    "happy": "sad", "clean": "dirty", "thick": "thin", "wide": "narrow", "deep": "shallow", "first": "last",
    "north": "south", "east": "west", "day": "night", "buy": "sell", "push": "pull", "begin": "end",
    "sweet": "bitter", "cheap": "expensive", "safe": "dangerous", "simple": "complex",
    "public": "private",
}

FRENCH = {
    "water": "eau", "bread": "pain", "house": "maison", "dog": "chien", "cat": "chat", "sun": "soleil",
    "moon": "lune", "tree": "arbre", "book": "livre", "street": "rue", "milk": "lait", "sea": "mer",
    "fire": "feu", "snow": "neige", "bird": "oiseau", "hand": "main", "window": "fenetre", "door": "porte",
}

# question forms -> one answer; each form is asked with and without the question mark
FACTS: list[tuple[tuple[str, ...], str]] = [
    (("What is a token?", "Explain what a token is.", "Define token."),
     "A token is a short piece of text. Models read and write tokens, and usage is counted in them."),
    (("What is a meter?", "What does the meter do?"),
     "The meter counts the tokens of every request as they pass."),
    (("What is a hold?", "Explain a hold."),
     "A hold is an amount set aside for one running request. It is posted, voided or expires."),
    (("What is a ledger?", "Explain a ledger."),
     "A ledger is a book of entries. Each entry is a set of postings that sums to zero."),
    (("What is a rate card?", "Explain rate cards."),
     "A rate card turns usage into an amount of money."),
    (("What is prefill?", "Explain prefill."),
     "Prefill is the reading of the prompt. It is done before the first token is written."),
    (("What is decoding?", "Explain decode."),
     "Decoding is the writing of the answer, one token after another."),
    (("What is a prefix cache?", "Explain the prefix cache."),
     "A prefix cache keeps the work of a prompt, so that the same beginning costs less the next time."),
    (("What is latency?", "Define latency."),
     "Latency is the time between a question and its answer."),
    (("What is throughput?", "Define throughput."),
     "Throughput is the number of tokens made in one second."),
    (("What is a deployment?", "Explain a deployment."),
     "A deployment is one source of one model. It is owned or bought."),
    (("What is an account?", "Who pays?"),
     "An account is who pays for the tokens."),
    (("What is an API key?", "Explain API keys."),
     "An API key is a secret text that says which account a request belongs to."),
    (("What is a gateway?", "What does a gateway do?"),
     "A gateway takes requests from clients and passes them to the engines."),
    (("What is an engine?", "Explain an engine."),
     "An engine is the software that runs a model on a chip."),
    (("What is streaming?", "Explain streaming."),
     "Streaming sends the answer piece by piece while it is being written."),
    (("What is an embedding?", "Define embedding."),
     "An embedding is a list of numbers that stands for the meaning of a text."),
    (("How many days are in a week?",), "There are seven days in a week."),
    (("How many months are in a year?",), "There are twelve months in a year."),
    (("How many hours are in a day?",), "There are twenty-four hours in a day."),
    (("What colour is the sky?", "What color is the sky?"), "The sky is blue."),
    (("What colour is grass?", "What color is grass?"), "Grass is green."),
    (("What do bees make?",), "Bees make honey."),
    (("What do cows eat?",), "Cows eat grass."),
    (("Where do fish live?",), "Fish live in water."),
    (("What is ice?",), "Ice is frozen water."),
    (("Which planet do we live on?", "What planet is this?"), "We live on the planet Earth."),
]

SMALL_TALK: list[tuple[tuple[str, ...], str]] = [
    (("Hello", "Hello!", "Hi", "Hi!", "Hi there", "Good morning", "Hey"), "Hello! How can I help you?"),
    (("Who are you?", "What are you?", "What is your name?", "Introduce yourself."),
     "I am tokenworks-tiny, a very small model that shows how tokens are made, metered and sold."),
    (("How are you?", "How are you today?"), "I am well, thank you. What can I do for you?"),
    (("Thank you", "Thanks!", "Thanks", "Thank you very much."), "You are welcome."),
    (("Goodbye", "Bye", "See you later."), "Goodbye, and come again."),
    (("What can you do?", "Help", "How can you help me?"),
     "I can answer short questions, tell stories, write JSON and small functions, and call tools."),
    (("Say hello", "Say hello.", "Say hello in one sentence.", "Please say hello."),
     "Hello there, it is good to meet you."),
    (("Ping", "ping", "Test", "This is a test", "Are you there?"), "I am here and ready."),
]

NAMES = ["Ada", "Ben", "Cleo", "Dora", "Emil", "Fay", "Gus", "Hana", "Ivan", "Jane", "Karl", "Lena", "Mila", "Nora",
         "Omar", "Pia", "Quinn", "Rosa", "Sam", "Tara", "Uma", "Viktor", "Wen", "Yuki", "Zoe", "Li", "Alan", "Grace"]
CITIES = sorted(set(CAPITALS.values()) | {"London", "Shanghai", "Boston", "Milan", "Osaka", "Lyon", "Geneva", "Seoul",
                                          "San Francisco", "New York", "Sydney", "Munich"})
COLOURS = ["red", "blue", "green", "white", "black", "yellow", "brown", "grey"]
ITEMS = ["lamp", "chair", "table", "apple", "pear", "coat", "cup", "clock", "pen", "bag", "ring", "shoe", "map", "key"]
JOBS = ["baker", "painter", "teacher", "farmer", "sailor", "doctor", "driver", "writer", "cook", "miner"]
ANIMALS = ["fox", "bear", "owl", "hare", "wolf", "crow", "mouse", "whale", "goat", "frog"]
PLACES = ["river", "hill", "forest", "harbour", "village", "valley", "lighthouse", "mill", "bridge", "garden"]
TREASURES = ["lantern", "letter", "bell", "coin", "seed", "song", "mirror", "feather", "ladder", "kite"]
MOODS = ["small", "brave", "quiet", "curious", "old", "patient", "clever", "tired", "gentle", "proud"]
WEATHERS = ["rain", "snow", "wind", "fog", "sun", "frost"]
TITLES = ["The Long Road", "Night Train", "Small Gods of Rain", "The Blue Door", "Salt and Stone", "Winter Light",
          "The Ninth Bridge", "Paper Boats"]
TOPICS = ["weather", "trains", "prices", "recipes", "birds", "stars", "maps", "music", "history", "chips", "tokens"]
SYLLABLES = ["ba", "do", "ki", "lu", "mo", "ne", "pa", "ri", "so", "tu", "ve", "za", "fin", "gor", "hel", "jun", "mar",
             "nor", "pol", "sten", "tam", "vik", "wex", "yor"]
SYSTEMS = ["You are a helpful assistant.", "Be brief.", "Answer in one sentence.", "You are tokenworks-tiny.",
           "You are a careful assistant that answers questions.", "You are a helpful assistant. Use tools when needed.",
           "Reply with JSON when asked."]
