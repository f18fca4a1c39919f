// The official Anthropic library for JavaScript.

import Anthropic from '@anthropic-ai/sdk'
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod'
import { z } from 'zod'
import { ABOUT, CITY, SAY, TOOL, WEATHER, main, usage } from './frame.mjs'

const Place = z.object({ city: z.string(), people: z.number().int() })
const USER = { role: 'user', content: SAY }
const tools = [{ name: TOOL, description: ABOUT, input_schema: CITY }]

const text = (message) => message.content.filter((block) => block.type === 'text').map((block) => block.text).join('')
const figures = (found) => {
  const cached = found.cache_read_input_tokens ?? 0
  return usage(found.input_tokens + cached + (found.cache_creation_input_tokens ?? 0), found.output_tokens, cached)
}
const told = (message) => ({ text: text(message), usage: figures(message.usage) })

const driver = (url, key) => {
  const { messages } = new Anthropic({ baseURL: url, apiKey: key, timeout: 30000 })
  const ask = (model, said, more = {}) => messages.create({ model, messages: said, max_tokens: 64, ...more })
  const join = (model, said, more = {}) => messages.stream({ model, messages: said, max_tokens: 64, ...more }).finalMessage()
  const loop = async (asked) => {
    const first = await asked([USER])
    const call = first.content.find((block) => block.type === 'tool_use')
    const last = await asked([USER, { role: 'assistant', content: first.content },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: call.id, content: WEATHER }] }])
    return { name: call.name, arguments: call.input, ...told(last) }
  }
  return {
    whole: async (model) => told(await ask(model, [USER])),
    stream: async (model) => told(await join(model, [USER])),
    tool: (model) => loop((said) => ask(model, said, { tools })),
    tool_stream: (model) => loop((said) => join(model, said, { tools })),
    structured: async (model) => ({ value: (await messages.parse({ model, messages: [USER], max_tokens: 64,
      output_config: { format: zodOutputFormat(Place) } })).parsed_output }),
  }
}

await main(driver)
