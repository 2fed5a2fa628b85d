#include "export/boto3_table.h"

#include <algorithm>

namespace borehole::exporting {

namespace {

constexpr std::string_view runtime = "bedrock-runtime";
constexpr std::string_view agent_runtime = "bedrock-agent-runtime";

// Source: the service models of botocore. Not here: what needs a stream of the client's, and lists in queries.
constexpr BotoOperation operations[] = {
    {runtime, "ApplyGuardrail", "/guardrail/{guardrailIdentifier}/version/{guardrailVersion}/apply", "", false, true},
    {runtime, "Converse", "/model/{modelId}/converse", "", false, true},
    {runtime, "ConverseStream", "/model/{modelId}/converse-stream", "stream", false, true},
    {runtime, "CountTokens", "/model/{modelId}/count-tokens", "", false, true},
    {runtime, "GetAsyncInvoke", "/async-invoke/{invocationArn}"},
    {runtime, "InvokeGuardrailChecks", "/guardrail-checks/invoke"},
    {runtime, "InvokeModel", "/model/{modelId}/invoke", "body", true},
    {runtime, "InvokeModelWithResponseStream", "/model/{modelId}/invoke-with-response-stream", "body", true},
    {runtime, "ListAsyncInvokes", "/async-invoke"},
    {runtime, "StartAsyncInvoke", "/async-invoke"},
    {agent_runtime, "CreateInvocation", "/sessions/{sessionIdentifier}/invocations/"},
    {agent_runtime, "CreateSession", "/sessions/"},
    {agent_runtime, "DeleteAgentMemory", "/agents/{agentId}/agentAliases/{agentAliasId}/memories"},
    {agent_runtime, "DeleteSession", "/sessions/{sessionIdentifier}/"},
    {agent_runtime, "EndSession", "/sessions/{sessionIdentifier}"},
    {agent_runtime, "GenerateQuery", "/generateQuery"},
    {agent_runtime, "GetAgentMemory", "/agents/{agentId}/agentAliases/{agentAliasId}/memories"},
    {agent_runtime, "GetExecutionFlowSnapshot",
     "/flows/{flowIdentifier}/aliases/{flowAliasIdentifier}/executions/{executionIdentifier}/flowsnapshot"},
    {agent_runtime, "GetFlowExecution",
     "/flows/{flowIdentifier}/aliases/{flowAliasIdentifier}/executions/{executionIdentifier}"},
    {agent_runtime, "GetInvocationStep", "/sessions/{sessionIdentifier}/invocationSteps/{invocationStepId}"},
    {agent_runtime, "GetSession", "/sessions/{sessionIdentifier}/"},
    {agent_runtime, "InvokeAgent", "/agents/{agentId}/agentAliases/{agentAliasId}/sessions/{sessionId}/text",
     "completion", false, true},
    {agent_runtime, "InvokeFlow", "/flows/{flowIdentifier}/aliases/{flowAliasIdentifier}", "responseStream"},
    {agent_runtime, "InvokeInlineAgent", "/agents/{sessionId}", "completion", false, true},
    {agent_runtime, "ListFlowExecutionEvents",
     "/flows/{flowIdentifier}/aliases/{flowAliasIdentifier}/executions/{executionIdentifier}/events"},
    {agent_runtime, "ListFlowExecutions", "/flows/{flowIdentifier}/executions"},
    {agent_runtime, "ListInvocationSteps", "/sessions/{sessionIdentifier}/invocationSteps/"},
    {agent_runtime, "ListInvocations", "/sessions/{sessionIdentifier}/invocations/"},
    {agent_runtime, "ListSessions", "/sessions/"},
    {agent_runtime, "ListTagsForResource", "/tags/{resourceArn}"},
    {agent_runtime, "OptimizePrompt", "/optimize-prompt", "optimizedPrompt"},
    {agent_runtime, "PutInvocationStep", "/sessions/{sessionIdentifier}/invocationSteps/", "", false, true},
    {agent_runtime, "Rerank", "/rerank"},
    {agent_runtime, "Retrieve", "/knowledgebases/{knowledgeBaseId}/retrieve", "", false, true},
    {agent_runtime, "RetrieveAndGenerate", "/retrieveAndGenerate", "", false, true},
    {agent_runtime, "RetrieveAndGenerateStream", "/retrieveAndGenerateStream", "stream", false, true},
    {agent_runtime, "StartFlowExecution", "/flows/{flowIdentifier}/aliases/{flowAliasIdentifier}/executions"},
    {agent_runtime, "StopFlowExecution",
     "/flows/{flowIdentifier}/aliases/{flowAliasIdentifier}/executions/{executionIdentifier}/stop"},
    {agent_runtime, "TagResource", "/tags/{resourceArn}"},
    {agent_runtime, "UpdateSession", "/sessions/{sessionIdentifier}/"},
};

}  // namespace

std::span<const BotoOperation> boto_operations() noexcept { return operations; }

const BotoOperation* find_boto_operation(std::string_view service, std::string_view operation) noexcept {
  const auto* const found = std::find_if(std::begin(operations), std::end(operations), [&](const BotoOperation& row) {
    return row.service == service && row.operation == operation;
  });
  return found == std::end(operations) ? nullptr : found;
}

}  // namespace borehole::exporting
