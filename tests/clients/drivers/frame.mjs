// What every Node driver shares: the cases, and one line of JSON for each; the same words as frame.py.

export const SAY = 'What is the weather in Paris?'
export const TOOL = 'get_weather'
export const ABOUT = 'The weather in a city'
export const WEATHER = 'sunny in Paris'
export const CITY = {
  type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false,
}

export const usage = (input, output, cached = null) => ({ input, output, cached })

const classes = (error) => {
  const found = []
  for (let one = error?.constructor; one && one !== Error && one.name; one = Object.getPrototypeOf(one)) found.push(one.name)
  const named = error?.name && error.name !== 'Error' && !found.includes(error.name)
  return named ? [error.name, ...found] : found
}

const status = (error) => error?.status ?? error?.statusCode ?? error?.lastError?.statusCode ?? null

export async function main(driver) {
  const { TW_CASES, TW_URL, TW_WAY } = process.env
  for (const { case: name, method, key, model } of JSON.parse(TW_CASES)) {
    const began = Date.now()
    let told
    try {
      told = { facts: await driver(TW_URL, key, TW_WAY)[method](model) }
    } catch (error) {
      told = { error: { classes: classes(error), message: String(error?.message ?? error), status: status(error) } }
      if (told.error.status === null) told.error.trace = String(error?.stack).slice(0, 1500)
    }
    console.log(JSON.stringify({ case: name, seconds: (Date.now() - began) / 1000, ...told }))
  }
  process.exit(0)
}
